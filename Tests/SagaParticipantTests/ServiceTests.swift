import GRDB
import Logging
import SagaBus
import SagaCore
import ServiceLifecycle
import Synchronization
import Testing

@testable import SagaParticipant

@Suite("A participant over the embedded bus")
struct ServiceTests {
    let bus = InMemoryBus()
    let gateway = ScriptedGateway()
    let database: ParticipantDatabase

    init() throws {
        database = try ParticipantDatabase(inMemoryFor: .counting(through: gateway))
    }

    /// Runs the participant while the orchestrator's side does `body`, then shuts it down gracefully.
    private func withService(
        _ settings: ParticipantSettings = ParticipantSettings(), over wrapped: (any MessageBus)? = nil,
        _ body: @Sendable @escaping (Orchestrator) throws -> Void
    ) async throws {
        let bus = bus
        try bus.declare(.orchestrator(shard: 0))
        try bus.declare(.participant("counter"))
        let service = ParticipantService(
            participant: .counting(through: gateway), database: database, bus: wrapped ?? bus, settings: settings,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, now: { Story.now })
        let group = ServiceGroup(services: [service], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let result: Result<Void, any Error>
            do {
                try await runOnDedicatedThread { try body(Orchestrator(bus)) }
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
    }

    private var count: Int {
        get throws {
            try database.queue.read { try Int.fetchOne($0, sql: "SELECT coalesce(sum(change), 0) FROM effect") ?? 0 }
        }
    }

    @Test("commands are executed, answered and acknowledged")
    func answers() async throws {
        try await withService { orchestrator in
            orchestrator.send((1...500).map { orchestrator.command("counter.add", step: "s\($0)") })
            let replies = try orchestrator.replies(500)
            #expect(replies.allSatisfy { $0.outcome == .succeeded })
        }
        #expect(try count == 500)
        #expect(try bus.depth(ofQueue: "counter.commands") == 0)
    }

    @Test("F23: nobody else gets commands from its queue, such as a second one with another file")
    func aloneOnItsQueue() async throws {
        try await withService { [bus] orchestrator in
            orchestrator.send([orchestrator.command("counter.add", step: "before")])
            _ = try orchestrator.replies(1)
            let error = #expect(throws: BusError.self) {
                _ = try bus.openConsumer(
                    "second", queue: "counter.commands", options: ConsumerOptions(), mailbox: BusMailbox())
            }
            #expect(error?.code == .accessRefused)
            orchestrator.send([orchestrator.command("counter.add", step: "after")])
            _ = try orchestrator.replies(1)
        }
        #expect(try count == 2)
    }

    @Test("Rule 18: calls that block do not hold up other commands")
    func blockingCalls() async throws {
        let gateway = gateway
        gateway.close()
        try await withService { orchestrator in
            orchestrator.send((1...3).map { orchestrator.command("counter.call", step: "slow\($0)") })
            orchestrator.send([orchestrator.command("counter.add", step: "quick")])
            let quick = try orchestrator.replies(1)
            #expect(quick.map(\.command.step) == ["quick"])
            gateway.open()
            let slow = try orchestrator.replies(3)
            #expect(slow.allSatisfy { $0.outcome == .succeeded })
        }
        #expect(try count == 4)
    }

    @Test("more calls than threads wait their turn")
    func manyCalls() async throws {
        var settings = ParticipantSettings()
        settings.concurrentCalls = 2
        try await withService(settings) { orchestrator in
            orchestrator.send((1...20).map { orchestrator.command("counter.call", step: "s\($0)") })
            let replies = try orchestrator.replies(20)
            #expect(replies.allSatisfy { $0.outcome == .succeeded })
        }
        #expect(try count == 20)
    }

    @Test("F13: the broker goes and comes back: every command takes effect once and gets an answer")
    func brokerRestart() async throws {
        let bus = bus
        try await withService { orchestrator in
            for round in 1...5 {
                orchestrator.send((1...40).map { orchestrator.command("counter.add", step: "r\(round)-\($0)") })
                bus.disconnect()
                bus.reconnect()
            }
            try orchestrator.awaitReplies(toSteps: 200)
        }
        #expect(try count == 200)
        #expect(try bus.depth(ofQueue: "counter.commands") == 0)
    }

    @Test(
        "Rule 16, F1: a command whose reply was not confirmed is not acknowledged, and is answered again",
        arguments: [PublishOutcome.unknown, .rejected])
    func unconfirmed(outcome: PublishOutcome) async throws {
        try await withService(over: LossyBus(bus, outcome)) { orchestrator in
            orchestrator.send((1...50).map { orchestrator.command("counter.add", step: "s\($0)") })
            try orchestrator.awaitReplies(toSteps: 50)
        }
        #expect(try count == 50)
        #expect(try bus.depth(ofQueue: "counter.commands") == 0)
    }

    @Test("F18: a poison message goes to the dead letters, its neighbours are executed")
    func poison() async throws {
        try await withService { orchestrator in
            var poison = orchestrator.command("counter.add", step: "poison").message()
            poison.properties.replyTo = nil
            orchestrator.publish([poison])
            orchestrator.send([orchestrator.command("counter.add", step: "healthy")])
            let replies = try orchestrator.replies(1)
            #expect(replies.map(\.command.step) == ["healthy"])
        }
        #expect(try bus.depth(ofQueue: SkaldNames.deadLetters) == 1)
        #expect(try bus.depth(ofQueue: "counter.commands") == 0)
    }

    @Test("F21: while the disk is full commands wait in their queue; with room again it goes on by itself")
    func diskFull() async throws {
        var settings = ParticipantSettings()
        settings.backoff = .milliseconds(1)...(.milliseconds(5))
        let queue = database.queue
        try await queue.writeWithoutTransaction { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            try db.execute(sql: "PRAGMA max_page_count = \(pages)")
        }
        let statements = StatementCount()
        try await queue.write { db in db.trace(options: .statement) { _ in statements.add() } }
        try await withService(settings) { orchestrator in
            orchestrator.send((1...2000).map { orchestrator.command("counter.add", step: "s\($0)") })
            statements.wait(until: 200)
            try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1000000") }
            try orchestrator.awaitReplies(toSteps: 2000)
        }
        #expect(try count == 2000)
        #expect(try bus.depth(ofQueue: "counter.commands") == 0)
    }

    @Test("a participant that starts again settles the calls it left")
    func settlesOnStart() async throws {
        let left = Orchestrator.command("counter.call", step: "left")
        let core = ParticipantCore(participant: .counting(through: gateway), database: database)
        _ = try core.process(
            [
                Delivery(
                    consumer: "c", tag: DeliveryTag(epoch: 1, number: 1), isRedelivered: false, message: left.message())
            ], now: Story.now)
        let gateway = gateway
        try await withService { orchestrator in
            gateway.waitForCalls(1)
            orchestrator.send([orchestrator.command("counter.add", step: "after")])
            _ = try orchestrator.replies(1)
        }
        #expect(try count == 2)
    }
}
