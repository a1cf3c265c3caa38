import SagaBus
import SagaCore
import SagaStore
import Testing

@testable import SagaEngine

/// A shop, a broker that confirms at once, and participants that answer while they are there.
private final class Town {
    static let definition = Shop.define(
        """
        saga: shop
        version: 1
        key: ${input.order}
        steps:
          - { name: charge, participant: bank, action: bank.charge, compensation: bank.refund }
          - { name: reserve, participant: stock, action: stock.reserve, compensation: stock.release }
          - { name: capture, kind: pivot, participant: bank, action: bank.capture }
          - { name: ship, kind: retriable, participant: stock, action: stock.ship }
        """)
    /// Needs the bank only.
    static let other = Shop.define(
        """
        saga: donate
        version: 1
        key: ${input.order}
        steps:
          - { name: charge, participant: bank, action: bank.charge, compensation: bank.refund }
        """)

    /// Ten thousand of these are quick to run.
    static let simple = Shop.define(
        """
        saga: shop
        version: 1
        key: ${input.order}
        steps:
          - { name: reserve, participant: stock, action: stock.reserve, compensation: stock.release }
        """)

    let shop: Shop
    /// Participants that take nothing from their queues.
    var away: Set<String> = []
    /// What each participant has in its queue.
    var queues: [String: [Command]] = [:]
    /// How many commands were published to each.
    var published: [String: Int] = [:]
    /// After each batch that published to the stock keeper while anything was held: how many have been published to
    /// him, and how many he has answered, since it was last begun to count.
    private(set) var letOut: [(published: Int, answered: Int)] = []
    private var counted = (published: 0, answered: 0)
    private var replies: [Delivery] = []
    private(set) var nextWake: Timestamp?
    private var wakesInVain = 0
    /// Since when replies can arrive.
    var connectedSince = Shop.start

    init(settings: EngineSettings = EngineSettings(), definitions: [SagaDefinition] = [Town.definition, Town.other])
        throws
    {
        shop = try Shop(settings: settings, definitions: definitions)
    }

    func start(_ numbers: some Sequence<Int>, definition: String = "shop") throws {
        var batch: [Delivery] = []
        for number in numbers {
            batch.append(
                shop.start(
                    .number(JSONNumber(Int64(number))), id: "\(definition)-\(number)", definition: definition,
                    replyTo: nil))
            if batch.count == 256 { try take(batch); batch = [] }
        }
        try take(batch)
    }

    func beginsToCount() {
        letOut = []
        counted = (0, 0)
    }

    private func take(_ deliveries: [Delivery]) throws { try note(shop.process(deliveries)) }

    func note(_ result: BatchResult) throws {
        nextWake = result.nextWake
        var counts: [String: Int] = [:]
        for command in try result.commands() {
            queues[command.participant, default: []].append(command)
            counts[command.participant, default: 0] += 1
        }
        published.merge(counts) { $0 + $1 }
        if let count = counts["stock"] {
            counted.published += count
            if shop.core.held.count > 0 { letOut.append(counted) }
        }
        guard !result.outgoing.isEmpty else { return }
        try note(shop.confirm(result.outgoing))
    }

    /// Lets time pass and things happen until then, or until all sagas have ended.
    func run(until end: Timestamp) throws {
        while shop.now < end {
            for (participant, queue) in queues.sorted(by: { $0.key < $1.key }) where !away.contains(participant) {
                // Two hundred commands in 20 ms.
                queues[participant] = Array(queue.dropFirst(200))
                if participant == "stock" { counted.answered += min(200, queue.count) }
                for command in queue.prefix(200) {
                    replies.append(
                        shop.delivery(.replies, Reply.success(command).message(to: command.replyTo)))
                }
            }
            if !replies.isEmpty {
                shop.now = shop.now.adding(milliseconds: 20)
                let now = replies
                replies = []
                for start in stride(from: 0, to: now.count, by: 256) {
                    try note(shop.process(Array(now[start..<min(start + 256, now.count)])))
                }
                while let wake = nextWake, wake <= shop.now {
                    try wakeUp(after: 0)
                }
                continue
            }
            guard let wake = nextWake else { return }
            guard wake < end else { break }
            try wakeUp(after: max(0, wake - shop.now))
        }
        shop.now = max(shop.now, end)
    }

    /// Lets time pass, then runs what is due; not for ever.
    private func wakeUp(after milliseconds: Int64) throws {
        wakesInVain = milliseconds > 0 ? 0 : wakesInVain + 1
        guard wakesInVain < 20_000 else { throw Floor.TooLong(description: "what is due does not come to an end") }
        try note(shop.wake(after: milliseconds, connectedSince: connectedSince))
    }

    func run(forMilliseconds milliseconds: Int64) throws { try run(until: shop.now.adding(milliseconds: milliseconds)) }

    func restart() throws {
        try shop.restart()
        // What was on its way is published once more.
        let rows = try shop.core.nextUnread(limit: .max)
        for row in rows where row.command != nil {
            queues[row.routingKey, default: []].append(try Command.decode(row.message))
        }
        nextWake = shop.now
        if !rows.isEmpty { try note(shop.confirm(rows)) }
    }

    var counts: [SagaStatus: Int] { get throws { try shop.store.read { try $0.countByStatus() } } }
    var breakers: [StoredBreaker] { get throws { try shop.store.read { try $0.breakers() } } }

    /// The longest history of a saga.
    func mostEvents() throws -> Int {
        var filter = SagaFilter()
        filter.limit = .max
        return try shop.store.read { try $0.sagas(filter).map(\.sequence).max() ?? 0 }
    }
}

@Suite("A participant that does not answer is left alone")
struct BreakerTests {
    private static let hour: Int64 = 3_600_000

    enum Crowd {
        /// Of sagas with one step.
        case great
        /// Of sagas with several.
        case small
    }

    @Test(
        "F20: ten thousand sagas wait an hour: one probe at a time, nothing given up, let in gradually",
        arguments: zip([Crowd.great, .small, .small], [false, false, true]))
    func anHour(_ crowd: Crowd, queueIsKept: Bool) throws {
        let sagas = crowd == .great ? 10_000 : 1000
        let town = try Town(definitions: [crowd == .great ? Town.simple : Town.definition])
        town.away = ["stock"]
        // Half of them are on their way when it stops answering.
        try town.start(0..<sagas / 2)
        try town.run(forMilliseconds: 60_000)
        try town.start(sagas / 2..<sagas)
        try town.run(forMilliseconds: Self.hour)

        let published = try #require(town.published["stock"])
        #expect((sagas / 2 + 10...sagas / 2 + 100).contains(published))
        #expect(try town.counts == [.running: sagas])
        #expect(try town.mostEvents() <= 12)
        #expect(town.shop.core.held.count >= sagas - 1)
        #expect(try town.shop.outbox.count == town.shop.core.held.count)
        let probes = town.letOut.last?.published ?? 0
        #expect((10...100).contains(probes - sagas / 2))

        town.away = []
        town.beginsToCount()
        if !queueIsKept { town.queues["stock"] = [] }
        try town.run(forMilliseconds: 600_000)
        #expect(try town.counts == [.completed: sagas])
        #expect(try town.shop.outbox.isEmpty)
        #expect(try town.breakers.isEmpty)
        #expect(town.shop.core.held.count == 0)
        #expect(try town.mostEvents() <= 20)
        // Two for each answer, at no moment a flood.
        #expect(town.letOut.count >= 10)
        #expect(town.letOut.allSatisfy { $0.published <= 2 * $0.answered + 1 })
        #expect(town.shop.notices.contains(.participantIsBack("stock")))
        #expect(try town.shop.deadLetters().isEmpty)
    }

    /// A town whose stock keeper went away a minute ago, with ten sagas that wait for him.
    private func drought(settings: EngineSettings = EngineSettings()) throws -> Town {
        let town = try Town(settings: settings)
        town.away = ["stock"]
        try town.start(0..<10)
        try town.run(forMilliseconds: 60_000)
        #expect(try town.breakers.map(\.participant) == ["stock"])
        return town
    }

    @Test("F20: what is told: silent, each probe, answers, back")
    func notices() throws {
        let town = try drought()
        try town.run(forMilliseconds: Self.hour)
        town.away = []
        try town.run(forMilliseconds: 600_000)
        var told: [String] = []
        for notice in town.shop.notices {
            switch notice {
            case .participantSilent(let name, let since):
                told.append("silent \(name)")
                #expect(since - Shop.start < 1000)
            case .participantProbed: if told.last != "probed" { told.append("probed") }
            case .participantAnswers(let name, _): told.append("answers \(name)")
            case .participantIsBack(let name): told.append("back \(name)")
            default: break
            }
        }
        #expect(told == ["silent stock", "probed", "answers stock", "back stock"])
    }

    @Test("F20: sagas that need other participants go on, and new ones are let in")
    func others() throws {
        var settings = EngineSettings()
        settings.sagasInFlight = 8
        let town = try drought(settings: settings)
        #expect(town.shop.core.mayAdmitStarts(at: town.shop.now), "held commands are not out")
        try town.start(100..<120, definition: "donate")
        try town.run(forMilliseconds: 1000)
        #expect(try town.counts[.completed] == 20)
    }

    @Test("F20: what is held is bounded: beyond it no start is let in, replies are")
    func bound() throws {
        var settings = EngineSettings()
        settings.outboxBound = 20
        let town = try drought(settings: settings)
        try town.start(10..<31)
        try town.run(forMilliseconds: 1000)
        #expect(!town.shop.core.mayAdmitStarts(at: town.shop.now))
        town.away = []
        try town.run(forMilliseconds: 600_000)
        #expect(town.shop.core.mayAdmitStarts(at: town.shop.now, wasFull: true))
        #expect(try town.counts == [.completed: 31])
    }

    @Test("F2, F20: a restart floods nobody and goes on where it was", arguments: [false, true])
    func restart(isAnsweringAgain: Bool) throws {
        let town = try drought()
        if isAnsweringAgain {
            town.queues = [:]
            while town.queues.isEmpty { try town.run(forMilliseconds: 1000) }
            let probe = try #require(town.queues["stock"]?.first)
            let reply = Reply.success(probe).message(to: probe.replyTo)
            try town.note(town.shop.process(town.shop.delivery(.replies, reply)))
            #expect(town.shop.notices.last == .participantAnswers("stock", held: 9))
        }
        let published = town.published["stock"] ?? 0
        let before = town.shop.core.held.count
        #expect(before > 5)
        try town.restart()
        #expect(town.shop.core.held.count >= before)
        #expect(try town.shop.unpublished().allSatisfy { $0.routingKey != "stock" })
        try town.run(forMilliseconds: 300_000)
        #expect((town.published["stock"] ?? 0) - published <= 10)
        town.away = []
        try town.run(forMilliseconds: 600_000)
        #expect(try town.counts == [.completed: 10])
        #expect(try town.shop.outbox.isEmpty)
    }

    @Test("F21: after an error of the file what is held is read from it again")
    func recovered() throws {
        let town = try drought()
        let before = town.shop.core.held.count
        try town.shop.core.recover()
        let rows = try town.shop.core.nextUnread(limit: .max)
        #expect(rows.allSatisfy { $0.routingKey != "stock" })
        #expect(town.shop.core.held.count >= before)
    }

    @Test("Rules 5 and 20: a saga whose command is held can be cancelled, and the command never leaves")
    func cancel() throws {
        let town = try drought()
        let id = try #require(try town.shop.store.read { try $0.sagas(withKey: "9").first })
        try town.note(town.shop.process(town.shop.request("cancel", of: id)))
        #expect(try town.shop.outbox.allSatisfy { $0.command?.saga != id })
        try town.run(forMilliseconds: 31_000)
        // Its compensation waits in its place.
        let waiting = try town.shop.outbox.compactMap(\.command).filter { $0.saga == id }
        #expect(waiting.map(\.kind) == [.compensation])
        town.away = []
        try town.run(forMilliseconds: 600_000)
        #expect(try town.shop.state(id).status == .compensated)
        #expect(try town.counts == [.completed: 9, .compensated: 1])
    }

    @Test("Rule 20: what is held of an abandoned saga never leaves")
    func abandon() throws {
        let town = try drought()
        let id = try #require(try town.shop.store.read { try $0.sagas(withKey: "9").first })
        try town.note(town.shop.process(town.shop.request("abandon", of: id, ["reason": "closed"])))
        #expect(try town.shop.outbox.allSatisfy { $0.command?.saga != id })
    }

    @Test("A deadline turns a waiting saga round in its time")
    func deadline() throws {
        let hurried = Shop.define(
            """
            saga: shop
            version: 1
            key: ${input.order}
            deadline: 15m
            steps:
              - { name: charge, participant: bank, action: bank.charge, compensation: bank.refund }
              - { name: reserve, participant: stock, action: stock.reserve, compensation: none }
            """)
        let town = try Town(definitions: [hurried])
        town.away = ["stock"]
        try town.start(0..<20)
        try town.run(forMilliseconds: 14 * 60_000)
        #expect(try town.counts == [.running: 20])
        try town.run(forMilliseconds: 2 * 60_000)
        #expect(try town.counts == [.compensated: 20])
        #expect(try town.shop.outbox.isEmpty)
    }

    @Test("Rule 3: a command that was held has its whole timeout from when it leaves")
    func wholeTimeout() throws {
        let town = try drought()
        let rows = try town.shop.outbox
        let probe = town.published["stock"]
        while town.published["stock"] == probe { try town.run(forMilliseconds: 1000) }
        let command = try #require(town.queues["stock"]?.last)
        #expect(rows.contains { $0.command == command.id })
        let state = try town.shop.state(command.id.saga)
        let index = try #require(state.definition.index(ofStep: command.id.step))
        guard case .reply(let until) = state.steps[index].action.wait else {
            Issue.record("it is not in flight")
            return
        }
        #expect(until - town.shop.now > 28_000)
    }

    @Test("F13, F20: an attempt held behind a probe does not keep the breaker waiting", arguments: 0..<18)
    func outageDuringProbe(_ number: Int64) throws {
        var settings = EngineSettings()
        settings.unansweredLimit = 1
        let town = try Town(settings: settings, definitions: [Town.simple])
        town.away = ["stock"]
        try town.start(0..<1)
        try town.run(forMilliseconds: 60_000 + number * 7000)
        town.connectedSince = town.shop.now
        let asked = town.published["stock", default: 0]
        try town.run(forMilliseconds: Self.hour)
        #expect(town.published["stock", default: 0] > asked + 10)
        town.away = []
        try town.run(forMilliseconds: Self.hour)
        #expect(try town.counts[.running, default: 0] + town.counts[.compensating, default: 0] == 0)
    }

    @Test("F16: a command that no queue takes says nothing of its participant")
    func returned() throws {
        let town = try Town()
        let result = try town.shop.process(
            (0..<10).map { town.shop.start(.string("\($0)"), id: "\($0)", definition: "donate") })
        try town.shop.returned(result.outgoing.filter { $0.command != nil })
        try town.shop.wake(after: 30_000)
        #expect(try town.breakers.isEmpty)
        #expect(!town.shop.notices.contains { if case .participantSilent = $0 { true } else { false } })
    }

    @Test("F26: a held command of a saga that cannot be read goes out in its turn, and stops nobody")
    func unreadable() throws {
        let town = try drought()
        let first = try #require(try town.shop.outbox.first?.command?.saga)
        try town.shop.tamper(
            "UPDATE history SET events = 'nothing' WHERE saga = (SELECT saga FROM outbox ORDER BY id LIMIT 1)")
        try town.restart()
        try town.run(forMilliseconds: 300_000)
        town.away = []
        try town.run(forMilliseconds: 600_000)
        #expect(try town.counts[.completed] == 9)
        #expect(try town.shop.outbox.allSatisfy { $0.command?.saga != first })
    }
}
