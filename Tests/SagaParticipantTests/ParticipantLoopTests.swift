import DurableSQLite
import Logging
import SagaBus
import SagaCore
import Synchronization
import Testing

@testable import SagaParticipant

struct ParticipantLoopTests {
    @Test("F13, F20: while the broker is away for longer than maintenance can wait, the loop waits, it does not spin")
    func waitsForTheBroker() async throws {
        let elapsed = Mutex(Duration.zero)
        let bus = InMemoryBus()
        let participant = Participant(name: "payment", migrations: [], handlers: [])
        let settings = ParticipantSettings()
        let loop = ParticipantLoop(
            core: ParticipantCore(
                participant: participant, database: try ParticipantDatabase(inMemoryFor: participant)),
            bus: bus, settings: settings, signals: ParticipantSignals(),
            clock: ParticipantClock(now: { .wallClock }, elapsed: { elapsed.withLock { $0 } }),
            perform: { _, _ in }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try loop.step()
        try loop.step()
        bus.disconnect()
        for _ in 0..<5 {
            elapsed.withLock { $0 += settings.maintenanceInterval }
            try loop.step()
            #expect(loop.patience > .zero)
        }
        bus.reconnect()
        try loop.step()
        try loop.step()
        #expect(loop.patience == settings.maintenanceInterval, "maintenance that was due has been done")
    }
}
