import DurableSQLite
import GRDB
import SagaBus
import SagaCore
import Synchronization
import Testing

@testable import SagaEngine
@testable import SagaStore

@Suite("The loop, against a bus moved by hand")
struct LoopTests {
    private let shop: Shop
    private let store: SagaStore

    init() throws {
        shop = try Shop()
        store = shop.store
    }

    @Test("F1, rule 25: acknowledged after the commit, published after it too")
    func order() async throws {
        let committed = Mutex<[Int]>([])
        let bus = HandBus { [store] _ in
            let count = (try? store.read { try $0.openSagaCount() }) ?? -1
            committed.withLock { $0.append(count) }
        }
        let start = shop.start()
        try await shop.orchestrator(bus).run {
            try bus.connect()
            bus.post(.delivery(start))
            _ = try bus.messages(1, to: SkaldNames.commands)
        }
        #expect(committed.withLock { $0 } == [1])
        #expect(bus.acknowledged == [start.tag])
    }

    @Test("F13: deliveries of a connection that is gone are not handled")
    func lostConsumer() async throws {
        let bus = HandBus()
        let (before, after) = (shop.start("1", id: "1"), shop.start("2", id: "2"))
        try await shop.orchestrator(bus).run {
            try bus.connect()
            bus.post(
                .consumerLost(.starts, BusError(.connection, "gone")), .delivery(before),
                bus.consuming(.starts, backlog: 1), .delivery(after))
            try bus.await { $0.acknowledged.isEmpty ? nil : true }
        }
        #expect(bus.acknowledged == [after.tag])
        #expect(try shop.store.read { try $0.sagas(withKey: "1") } == [])
    }

    @Test("F13, F3: what is unknown goes out again when the connection is back, under the same id")
    func unknown() async throws {
        let bus = HandBus()
        let start = shop.start(replyTo: nil)
        // Time stands still: it is not the next attempt.
        try await shop.orchestrator(bus, clock: HandClock(at: shop.now)).run { [store] in
            try bus.connect()
            bus.post(.delivery(start))
            let first = try bus.messages(1, to: SkaldNames.commands)[0]
            bus.post(
                .publisherLost(BusError(.connection, "gone")),
                .published([PublishResult(token: first.token, outcome: .unknown)]))
            bus.post(.publisherReady)
            while bus.published.filter({ $0.token == first.token }).count < 2 {
                try #require(
                    try store.read { try $0.outbox() }.contains { $0.id == Int64(first.token) }, "its row stays")
                try Floor.pass()
            }
            let both = bus.published.filter { $0.message.exchange == SkaldNames.commands }
            #expect(both.map(\.message) == [first.message, first.message])
            bus.confirm(bus.published.map(\.token))
            // Removed when nothing else happens.
            while try store.read({ try $0.outboxCount() }) > 0 { try Floor.pass() }
        }
    }

    @Test("A publish refused while the connection stands is repeated after a pause")
    func rejected() async throws {
        let bus = HandBus()
        let start = shop.start(replyTo: nil)
        try await shop.orchestrator(bus).run {
            try bus.connect()
            bus.post(.delivery(start))
            for count in 1...2 {
                let command = try bus.messages(count, to: SkaldNames.commands)[count - 1]
                bus.post(.published([PublishResult(token: command.token, outcome: .rejected)]))
            }
            _ = try bus.messages(3, to: SkaldNames.commands)
        }
    }

    @Test("F16: a command that came back stays, is published again, and leaves when a queue takes it")
    func returned() async throws {
        let bus = HandBus()
        let start = shop.start(replyTo: nil)
        try await shop.orchestrator(bus).run { [store] in
            try bus.connect()
            bus.post(.delivery(start))
            let command = try bus.messages(1, to: SkaldNames.commands)[0]
            bus.post(.published([PublishResult(token: command.token, outcome: .returned("no queue"))]))
            let again = try bus.messages(2, to: SkaldNames.commands)[1]
            #expect(again.token == command.token)
            #expect(try store.read { try $0.outbox() }.contains { $0.id == Int64(command.token) })
            bus.confirm(bus.published.map(\.token))
            while try store.read({ try $0.outboxCount() }) > 0 { try Floor.pass() }
        }
    }

    @Test("F16: a replayed message that comes back is a dead letter again, and not sent once more")
    func replayReturned() async throws {
        let saga = try shop.started()
        try shop.process(shop.reply(saga, "charge", .succeeded, ["c": 1]))
        let bus = HandBus()
        let replay = shop.request("replay", ["deadLetter": 1], replyTo: nil)
        try await shop.orchestrator(bus).run { [store] in
            try bus.connect()
            bus.post(.delivery(replay))
            let sent = try bus.messages(1, to: SkaldNames.replies)[0]
            bus.post(.published([PublishResult(token: sent.token, outcome: .returned("no queue"))]))
            while try store.read({ try $0.deadLetter(2) }) == nil { try Floor.pass() }
            #expect(try store.read { try $0.deadLetter(2) }?.reason == "NO_QUEUE")
            #expect(try store.read { try $0.outbox() }.allSatisfy { $0.exchange != SkaldNames.replies })
        }
        #expect(bus.published.filter { $0.message.exchange == SkaldNames.replies }.count == 1)
    }

    @Test("F21: a full disk pauses everything; what was taken in is given back, and resumed when there is room")
    func storageTrouble() async throws {
        let directory = try TemporaryDirectory()
        let store = try SagaStore(path: directory.file("skald.sqlite"))
        let bus = HandBus()
        let start = shop.start(amount: .string(String(repeating: "x", count: 200_000)))
        let late = shop.start("late", id: "late")
        let names = ["starts", "replies", "operator", "dead-letters"]
        var settings = EngineSettings()
        settings.shutdownGrace = .milliseconds(1)
        let orchestrator = Orchestrator(
            store: store, bus: bus, settings: settings, definitions: [Shop.definition], logger: .quiet)
        try await orchestrator.run {
            try bus.connect()
            try store.write { transaction in
                try transaction.db.execute(sql: "PRAGMA max_page_count = 1")
            }
            bus.post(.delivery(start))
            try bus.await { seen in names.allSatisfy { seen.calls.contains("pause \($0)") } ? true : nil }
            #expect(bus.acknowledged.isEmpty)
            // Late deliveries of paused consumers are not ours.
            bus.post(.delivery(start))
            try bus.await { seen in names.allSatisfy { seen.calls.contains("resume \($0)") } ? true : nil }
            #expect(bus.acknowledged.isEmpty)
            // Nor are those of a consumer that had begun again before it was paused once more.
            bus.post(.consuming(.starts, backlog: 1, pauses: 0), .delivery(late))
            bus.post(bus.consuming(.starts, backlog: 1), .delivery(start))
            _ = try bus.messages(1, to: SkaldNames.commands)
        }
        #expect(bus.acknowledged == [start.tag])
        #expect(try store.read { try $0.sagas(withKey: "late") } == [])
    }

    @Test("F21: what was confirmed when the file failed is not published again, and leaves once there is room")
    func confirmedDuringStorageTrouble() async throws {
        let directory = try TemporaryDirectory()
        let store = try SagaStore(path: directory.file("skald.sqlite"))
        let bus = HandBus()
        let (small, large) = (
            shop.start("small", id: "small", replyTo: nil),
            shop.start("large", amount: .string(String(repeating: "x", count: 200_000)), id: "large", replyTo: nil)
        )
        var settings = EngineSettings()
        settings.shutdownGrace = .milliseconds(1)
        let orchestrator = Orchestrator(
            store: store, bus: bus, settings: settings, definitions: [Shop.definition], logger: .quiet)
        try await orchestrator.run {
            try bus.connect()
            bus.post(.delivery(small))
            let first = try bus.messages(1, to: SkaldNames.commands)[0]
            try store.write { try $0.db.execute(sql: "PRAGMA max_page_count = 1") }
            bus.post(
                .published([PublishResult(token: first.token, outcome: .confirmed)]), .delivery(large))
            try bus.await { $0.calls.contains("resume starts") ? true : nil }
            bus.post(bus.consuming(.starts, backlog: 1), .delivery(large))
            _ = try bus.messages(2, to: SkaldNames.commands)
            #expect(bus.published.filter { $0.token == first.token }.count == 1)
            while try store.read({ try $0.outbox() }).contains(where: { $0.id == Int64(first.token) }) {
                try Floor.pass()
            }
        }
    }

    @Test("F15: what will not get better by itself ends the run, and the file counts as not closed in order")
    func failed() async throws {
        let bus = HandBus()
        let error = await #expect(throws: BusError.self) {
            try await shop.orchestrator(bus).run {
                try bus.connect()
                bus.post(.failed(BusError(.accessRefused, "no")))
                try bus.await { $0.calls.contains("close replies") ? true : nil }
            }
        }
        #expect(error?.code == .accessRefused)
        #expect(try shop.store.read { try $0.fact(StoreFact.isOpen) } == "yes")
        #expect(bus.calls.contains("close publisher"))
    }

    @Test("F13: a broker that is away at the start is waited for")
    func brokerAwayAtStart() async throws {
        let bus = HandBus(openErrors: [BusError(.connection, "away"), BusError(.timeout, "slow")])
        let start = shop.start()
        try await shop.orchestrator(bus).run {
            try bus.connect()
            bus.post(.delivery(start))
            _ = try bus.messages(1, to: SkaldNames.commands)
        }
    }

    @Test func stoppedBeforeItConnectsItHasOpenedNothing() async throws {
        let bus = HandBus(openErrors: Array(repeating: BusError(.connection, "away"), count: 100))
        try await shop.orchestrator(bus).run {}
        #expect(try shop.store.read { try $0.fact(StoreFact.isOpen) } != "yes")
    }

    @Test("Rule 26: after a crash what comes again is handled singly, until something new comes")
    func suspects() async throws {
        try shop.store.write { try $0.setFact(StoreFact.isOpen, to: "yes") }
        let poison = shop.delivery(.starts, shop.start("poison", id: "p").message, isRedelivered: true)
        let fine = shop.delivery(.starts, shop.start("fine", id: "f").message, isRedelivered: true)
        let new = shop.start("new", id: "n")
        let later = shop.delivery(.starts, shop.start("later", id: "l").message, isRedelivered: true)
        for _ in 1...3 { _ = try shop.store.write { try $0.suspect(poison.fingerprint) } }
        // Had it died over this one as well, it would be no suspect any longer.
        for _ in 1...3 { _ = try shop.store.write { try $0.suspect(later.fingerprint) } }
        let bus = HandBus()
        try await shop.orchestrator(bus).run {
            try bus.connect()
            bus.post(.delivery(poison), .delivery(fine), .delivery(new), .delivery(later))
            try bus.await { $0.acknowledged.count == 4 ? true : nil }
        }
        #expect(try shop.deadLetters().count == 1)
        let keys = try shop.store.read { try $0.sagas(SagaFilter()) }.map(\.key)
        #expect(Set(keys) == ["fine", "new", "later"])
        #expect(try shop.store.read { try $0.fact(StoreFact.isOpen) } == "no")
    }

    @Test(
        "Rule 26, F13: a broker that was killed says of its whole backlog that it comes again; only what the dead worker can have held is handled singly"
    )
    func suspectsAreNoMoreThanThePrefetch() async throws {
        try shop.store.write { try $0.setFact(StoreFact.isOpen, to: "yes") }
        let backlog = (1...5).map { number in
            shop.delivery(.starts, shop.start(.string("\(number)"), id: "s\(number)").message, isRedelivered: true)
        }
        // Were they suspects, they would become dead letters.
        for delivery in backlog {
            for _ in 1...3 { _ = try shop.store.write { try $0.suspect(delivery.fingerprint) } }
        }
        let bus = HandBus()
        try await shop.orchestrator(bus) { $0.prefetch = 2 }.run {
            try bus.connect()
            for delivery in backlog { bus.post(.delivery(delivery)) }
            try bus.await { $0.acknowledged.count == 5 ? true : nil }
        }
        #expect(try shop.deadLetters().count == 2)
        #expect(Set(try shop.store.read { try $0.sagas(SagaFilter()) }.map(\.key)) == ["3", "4", "5"])
    }

    @Test("F2: what an earlier run has left is published in pages, in order, and before what is new")
    func pages() async throws {
        for number in 1...4 { _ = try shop.process(shop.start(.string("\(number)"), id: "start-\(number)")) }
        let left = try shop.outbox.map { UInt64($0.id) }
        #expect(left.count == 12)
        let bus = HandBus()
        let clock = HandClock(at: shop.now)
        let orchestrator = shop.orchestrator(bus, clock: clock) { $0.publishWindow = 6 }
        let start = shop.start("5", id: "start-5")
        try await orchestrator.run {
            try bus.connect()
            bus.post(.delivery(start))
            try bus.await { $0.acknowledged.isEmpty ? nil : true }
            #expect(bus.published.map(\.token) == Array(left.prefix(3)))
            for count in [3, 6, 9, 12] {
                try bus.await { $0.published.count >= count ? true : nil }
                bus.confirm(bus.published.suffix(3).map(\.token))
            }
            try bus.await { $0.published.count == 15 ? true : nil }
        }
        #expect(bus.published.map(\.token).prefix(12) == left[...])
        #expect(bus.published.count == 15)
    }

    @Test("F28: a page of what an earlier run has left that is gone by now brings the next one at once")
    func pagesGone() async throws {
        for number in 1...3 { _ = try shop.process(shop.start(.string("\(number)"), id: "start-\(number)")) }
        let saga = try #require(
            try shop.process(shop.start(.string("4"), id: "start-4")).commands().first
        ).id.saga
        let left = try shop.outbox.map(\.id)
        let bus = HandBus()
        let other = shop.delivery(.replies, shop.reply(saga, "ship", .succeeded).message)
        let clock = HandClock(at: shop.now)
        try await shop.orchestrator(bus, clock: clock) { $0.publishWindow = 6 }.run { [store] in
            try bus.connect()
            try bus.await { $0.published.count == 3 ? true : nil }
            try store.write { try $0.removeFromOutbox(Array(left[3..<9])) }
            // In one turn: what it publishes is out before it acknowledges.
            bus.post(
                .published(left.prefix(3).map { PublishResult(token: UInt64($0), outcome: .confirmed) }),
                .delivery(other))
            try bus.await { $0.acknowledged.isEmpty ? nil : true }
        }
        #expect(bus.published.map(\.token).prefix(6) == (left[..<3] + left[9...]).map { UInt64($0) }[...])
    }

    @Test("F16, F28: what no queue takes keeps nothing else that an earlier run has left from being published")
    func pagesWithReturned() async throws {
        for number in 1...2 { _ = try shop.process(shop.start(.string("\(number)"), id: "start-\(number)")) }
        let left = try shop.outbox
        let bus = HandBus()
        let clock = HandClock(at: shop.now)
        let orchestrator = shop.orchestrator(bus, clock: clock) { $0.publishWindow = 2 }
        try await orchestrator.run {
            try bus.connect()
            for row in left {
                let token = UInt64(row.id)
                try bus.await { seen in seen.published.contains { $0.token == token } ? true : nil }
                let outcome = row.command == nil ? PublishOutcome.confirmed : .returned("no queue")
                bus.post(.published([PublishResult(token: token, outcome: outcome)]))
            }
        }
        #expect(bus.published.map(\.token) == left.map { UInt64($0.id) })
    }

    @Test("F16, F21: what a newer attempt has replaced stays replaced when its commit was not seen to happen")
    func replacedUnseen() async throws {
        // The saga whose second attempt is committed and not seen to be.
        let troubled = Mutex<SagaID?>(nil)
        let bus = HandBus()
        let clock = HandClock(at: shop.now)
        let orchestrator = shop.orchestrator(bus, clock: clock) {
            $0.afterCommit = { [store] in
                guard let saga = troubled.withLock({ $0 }), try store.events(of: saga).last == "sent" else { return }
                troubled.withLock { $0 = nil }
                throw DatabaseError(resultCode: .SQLITE_IOERR)
            }
        }
        let start = shop.start()
        try await orchestrator.run { [store] in
            try bus.connect()
            bus.post(.delivery(start))
            let first = try bus.messages(1, to: SkaldNames.commands)[0]
            bus.confirm(bus.published.map(\.token).filter { $0 != first.token })
            let returned = BusEvent.published([PublishResult(token: first.token, outcome: .returned("no queue"))])
            bus.post(returned)
            let saga = try Command.decode(first.message).id.saga
            func passTime(until isDone: () throws -> Bool) throws {
                while try !isDone() {
                    clock.advance(milliseconds: 10)
                    bus.wake()
                    try Floor.pass()
                }
            }
            try passTime { try store.events(of: saga).last == "backedOff" }
            // It has been published again, and is not taken again.
            try passTime { bus.published.count { $0.token == first.token } > 1 }
            bus.post(returned)
            let count = bus.published.count
            troubled.withLock { $0 = saga }
            try passTime { bus.published.count > count }
            #expect(bus.calls.contains("pause replies"))
            let end = clock.now.adding(milliseconds: 30_000)
            try passTime { clock.now >= end }
            #expect(try bus.published[count...].allSatisfy { try Command.attempt(of: $0.message) == 2 })
        }
    }

    @Test("F13, F14, rule 3: an outage while replies are paused counts as little as any other")
    func outageWhilePaused() async throws {
        let bus = HandBus()
        let clock = HandClock(at: shop.now)
        let orchestrator = shop.orchestrator(bus, clock: clock) { $0.outboxBound = 2 }
        let start = shop.start()
        try await orchestrator.run { [store] in
            try bus.connect()
            bus.post(.delivery(start))
            let command = try bus.messages(1, to: SkaldNames.commands)[0]
            let others = bus.published.map(\.token).filter { $0 != command.token }
            try bus.await { $0.calls.contains("pause replies") ? true : nil }
            bus.confirm([command.token])
            bus.post(
                .publisherLost(BusError(.connection, "gone")),
                .published(others.map { PublishResult(token: $0, outcome: .unknown) }))
            while try store.read({ try $0.outboxCount() }) > others.count { try Floor.pass() }
            clock.advance(milliseconds: 60_000)
            bus.post(.publisherReady)
            let count = others.count
            try bus.await { $0.published.count > 2 * count ? true : nil }
            bus.confirm(others)
            try bus.await { $0.calls.contains("resume replies") ? true : nil }
            let back = clock.now
            bus.post(bus.consuming(.replies, backlog: 0))
            let saga = try Command.decode(command.message).id.saga
            while try store.events(of: saga).last != "backedOff" {
                clock.advance(milliseconds: 10)
                bus.wake()
                try Floor.pass()
            }
            let timedOut = try store.read { try $0.history(of: saga, definition: Shop.definition) }.last?.at
            #expect(try #require(timedOut) - back >= 1000)
        }
    }

    @Test("A stop with messages unconfirmed ends in its grace, and they go out again at the next start")
    func unconfirmedAtStop() async throws {
        let bus = HandBus()
        let start = shop.start()
        try await shop.orchestrator(bus).run {
            try bus.connect()
            bus.post(.delivery(start))
            _ = try bus.messages(1, to: SkaldNames.commands)
        }
        let left = try shop.outbox.map(\.id)
        #expect(left.count == 3)
        let next = HandBus()
        try await shop.orchestrator(next).run { [store] in
            #expect(try next.messages(1, to: SkaldNames.commands).count == 1)
            next.confirm(next.published.map(\.token))
            while try store.read({ try $0.outboxCount() }) > 0 { try Floor.pass() }
        }
        #expect(next.published.map { Int64($0.token) } == left)
    }
}
