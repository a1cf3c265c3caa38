import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

@Suite("A participant that is away, a broker that takes nothing")
struct AwayTests {
    /// The pivot, the retriable step and the compensation have the budgets that a definition has by default.
    private static let patient = Shop.define(
        """
        saga: shop
        version: 1
        key: ${input.order}
        events: { completed: COMPLETED, compensated: COMPENSATED }
        steps:
          - { name: reserve, participant: stock, action: stock.reserve, compensation: stock.release }
          - { name: capture, kind: pivot, participant: bank, action: bank.capture }
          - { name: ship, kind: retriable, participant: stock, action: stock.ship }
        """)

    /// What waits for the participant that is away.
    enum Waiting: String, CaseIterable {
        case pivot, retriable, compensation
    }

    private func saga(waitingWith waiting: Waiting, in shop: Shop) throws -> CommandID {
        let saga = try shop.started()
        var result = try shop.process(shop.reply(saga, "reserve", .succeeded))
        if waiting != .pivot {
            let outcome: Outcome = waiting == .retriable ? .succeeded : .failed
            result = try shop.process(shop.reply(saga, "capture", outcome, ["code": "NO"]))
        }
        return try #require(result.commands().first?.id)
    }

    @Test(
        "F20: away for an hour: nothing is given up, nothing grows without bound, and the saga ends when it is back",
        arguments: Waiting.allCases, [true, false])
    func anHour(_ waiting: Waiting, commandsLeave: Bool) throws {
        let shop = try Shop(definitions: [Self.patient])
        let command = try saga(waitingWith: waiting, in: shop)
        if commandsLeave { try shop.confirmAll() }
        let end = shop.now.adding(milliseconds: 3_600_000)
        var sent = 0
        var rows: Set<Int> = []
        while shop.now < end {
            let wakeAt = try #require(try shop.state(command.saga).wakeAt)
            let result = try shop.wake(after: max(1, wakeAt - shop.now))
            sent += try result.commands().count { $0.id == command }
            if commandsLeave { try shop.confirmAll() }
            rows.insert(try shop.outbox.count { $0.command == command })
        }
        // Pauses grow to five minutes; a command that has not left is not sent again.
        #expect(commandsLeave ? (8...60).contains(sent) : sent == 0)
        #expect(rows == [commandsLeave ? 0 : 1])
        let waitingState = try shop.state(command.saga)
        #expect(waitingState.status == (waiting == .compensation ? .compensating : .running))
        #expect(shop.notices.isEmpty)

        try shop.process(shop.reply(command.saga, command.step, .succeeded, kind: command.kind))
        if waiting == .pivot { try shop.process(shop.reply(command.saga, "ship", .succeeded)) }
        #expect(try shop.state(command.saga).status == (waiting == .compensation ? .compensated : .completed))
        #expect(try shop.deadLetters().isEmpty)
    }

    @Test("F20: while a participant is away no delivery is held, and all goes on once it is back")
    func nothingIsHeld() async throws {
        let floor = try Floor(definitions: [Self.patient])
        try await floor.run {
            floor.start(Floor.orders(0..<30))
            while try floor.bus.depth(ofQueue: SkaldNames.commandQueue(participant: "stock")) != 30 { try Floor.pass() }
            // Every start is acknowledged although no saga has got anywhere.
            while !floor.bus.isIdle { try Floor.pass() }
            #expect(try floor.store.read { try $0.countByStatus() } == [.running: 30])
            let participants = try Participants(on: floor.bus)
            defer { participants.stop() }
            try floor.awaitEnds(30)
            #expect(participants.commands.allSatisfy { $0.attempt == 1 })
        }
        try floor.expectRest(sagas: 30)
    }

    @Test("F14: while the broker takes nothing, starts are taken in up to a bound and then left with it")
    func bound() async throws {
        var settings = EngineSettings()
        settings.outboxBound = 20
        settings.batchLimit = 5
        settings.prefetch = 5
        settings.shutdownGrace = .milliseconds(10)
        let bound = settings.outboxBound
        let most = settings.outboxBound + settings.prefetch + settings.batchLimit
        let floor = try Floor(settings: settings, definitions: [Self.patient])
        let participants = try Participants(on: floor.bus)
        defer { participants.stop() }
        floor.start(Floor.orders(0..<200))
        floor.bus.blockPublishing(reason: "memory")
        try await floor.run {
            while try floor.store.read({ try $0.openSagaCount() }) < bound { try Floor.pass() }
            // Without the bound the others would be in within a few of these looks.
            for _ in 1...300 { try Floor.pass() }
            let taken = try floor.store.read { try $0.openSagaCount() }
            #expect(taken <= most)
            #expect(try floor.bus.depth(ofQueue: SkaldNames.startQueue(shard: 0)) == 200 - taken)
            floor.bus.unblockPublishing()
            try floor.awaitEnds(200)
        }
        try floor.expectRest(sagas: 200)
    }
}
