import DurableSQLite
import GRDB
import Logging
import SagaBus
import SagaCore
import Synchronization
import Testing

@testable import SagaParticipant

/// A participant's loop, one step at a time, on a bus that does nothing by itself.
@Suite("A participant's loop by hand")
struct ParticipantLoopTests {
    private let elapsed = Elapsed()
    private let signals = ParticipantSignals()
    private let settings = ParticipantSettings()
    private let database: ParticipantDatabase

    private final class Elapsed: Sendable {
        private let time = Mutex(Duration.zero)
        var now: Duration { time.withLock { $0 } }
        func pass(_ duration: Duration) { time.withLock { $0 += duration } }
    }

    init() throws {
        database = try ParticipantDatabase(inMemoryFor: .counting(through: ScriptedGateway()))
    }

    private func loop(over bus: any MessageBus) -> ParticipantLoop {
        ParticipantLoop(
            core: ParticipantCore(participant: .counting(through: ScriptedGateway()), database: database),
            bus: bus, settings: settings, signals: signals,
            clock: ParticipantClock(now: { Story.now }, elapsed: { [elapsed] in elapsed.now }), perform: { _, _ in },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// What comes, and the step that takes it.
    private func take(_ events: BusEvent..., in loop: ParticipantLoop) throws {
        signals.mailbox.post(events)
        try loop.step()
    }

    private func delivery(_ number: UInt64) -> BusEvent {
        .delivery(
            Delivery(
                consumer: "counter", tag: tag(number), isRedelivered: false,
                message: Orchestrator.command("counter.add", step: "s\(number)").message()))
    }

    private func tag(_ number: UInt64) -> DeliveryTag { DeliveryTag(epoch: 1, number: number) }

    private func published(_ token: UInt64, _ outcome: PublishOutcome) -> BusEvent {
        .published([PublishResult(token: token, outcome: outcome)])
    }

    private var effects: Int {
        get throws { try database.queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM effect") ?? 0 } }
    }

    @Test("F13, F20: while the broker is away for longer than maintenance can wait, the loop waits, it does not spin")
    func waitsForTheBroker() async throws {
        let bus = InMemoryBus()
        let loop = loop(over: bus)
        try loop.step()
        try loop.step()
        bus.disconnect()
        for _ in 0..<5 {
            elapsed.pass(settings.maintenanceInterval)
            try loop.step()
            #expect(loop.patience > .zero)
        }
        bus.reconnect()
        try loop.step()
        try loop.step()
        #expect(loop.patience == settings.maintenanceInterval, "maintenance that was due has been done")
    }

    @Test("Rule 16, F1: a command is acknowledged once its reply is confirmed, not before")
    func acknowledgesAfterTheConfirm() throws {
        let bus = ScriptedBus()
        let loop = loop(over: bus)
        try loop.step()
        try take(delivery(1), delivery(2), in: loop)
        let tokens = bus.seen.published.map(\.token)
        try #require(tokens.count == 2)
        #expect(try effects == 2)
        #expect(bus.seen.acknowledged == [])
        try take(published(tokens[1], .confirmed), in: loop)
        #expect(bus.seen.acknowledged == [tag(2)])
        try take(published(tokens[0], .confirmed), in: loop)
        #expect(bus.seen.acknowledged == [tag(2), tag(1)])
    }

    @Test(
        "Rule 16, F3: a command whose reply may not have arrived goes back to its queue",
        arguments: [PublishOutcome.unknown, .rejected])
    func givesBack(outcome: PublishOutcome) throws {
        let bus = ScriptedBus()
        let loop = loop(over: bus)
        try loop.step()
        try take(delivery(1), in: loop)
        try take(published(try #require(bus.seen.published.first).token, outcome), in: loop)
        #expect(bus.seen.acknowledged == [])
        #expect(bus.seen.requeued == [tag(1)])
    }

    @Test("F13: a broker that is away at the start is waited for")
    func brokerAwayAtStart() throws {
        let bus = ScriptedBus(errors: [BusError(.connection, "away"), BusError(.timeout, "slow")])
        let loop = loop(over: bus)
        for _ in 0..<3 {
            #expect(bus.seen.calls == [])
            try loop.step()
            elapsed.pass(settings.backoff.upperBound)
        }
        #expect(bus.seen.calls == ["open"])
        try take(delivery(1), in: loop)
        #expect(bus.seen.published.count == 1)
    }

    @Test("F13: while no reply can go out no command is taken; what was taken goes back")
    func waitsForItsPublisher() throws {
        let bus = ScriptedBus()
        let loop = loop(over: bus)
        try loop.step()
        try take(delivery(1), .publisherLost(BusError(.connection, "gone")), delivery(2), in: loop)
        try take(delivery(3), in: loop)
        #expect(bus.seen.calls == ["open", "pause"])
        #expect(try effects == 0)
        try take(.publisherReady, in: loop)
        #expect(bus.seen.calls == ["open", "pause", "resume"])
        try take(delivery(4), in: loop)
        #expect(try effects == 1)
    }

    @Test("F15: what will not get better by itself ends the run")
    func failed() throws {
        let loop = loop(over: ScriptedBus())
        try loop.step()
        #expect(throws: BusError(.mismatch, "no")) { try take(.failed(BusError(.mismatch, "no")), in: loop) }
        let refused = self.loop(over: ScriptedBus(errors: [BusError(.accessRefused, "no")]))
        #expect(throws: BusError(.accessRefused, "no")) { try refused.step() }
    }

    @Test("F13: what came over a connection that is gone is not settled on the next one")
    func forgetsWhatItHeld() throws {
        let bus = ScriptedBus()
        let loop = loop(over: bus)
        try loop.step()
        try take(delivery(1), delivery(2), in: loop)
        let tokens = bus.seen.published.map(\.token)
        try #require(tokens.count == 2)
        try take(
            .consumerLost("counter", BusError(.connection, "gone")), .consuming("counter", backlog: 2, pauses: 0),
            in: loop)
        try take(published(tokens[0], .confirmed), published(tokens[1], .rejected), in: loop)
        #expect(bus.seen.acknowledged == [])
        #expect(bus.seen.requeued == [])
    }
}
