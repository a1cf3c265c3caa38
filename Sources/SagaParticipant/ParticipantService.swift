import DurableSQLite
import Logging
import SagaBus
import SagaCore
import ServiceLifecycle

/// How a ``ParticipantService`` behaves. The defaults are right for most.
public struct ParticipantSettings: Sendable {
    /// The most unacknowledged commands it holds, and the most it executes in one transaction.
    public var prefetch = 256
    /// The most calls to the outside it makes at the same time, each on a thread of its own.
    public var concurrentCalls = 64
    /// How long a shutdown waits for calls and confirms; what is not confirmed by then comes again to the next run.
    public var shutdownPatience: Duration = .seconds(8)
    /// The first and the longest pause after the database could not be written, or the broker not be reached.
    public var backoff: ClosedRange<Duration> = .milliseconds(200)...(.seconds(10))
    public var maintenanceInterval: Duration = .seconds(60)
    /// Where a harness may make the process die.
    package var crashPoints = CrashPoints.none

    public init() {}
}

/// Runs a participant over a bus until it is told to stop.
///
/// Each batch of commands is executed in one transaction; replies are published after its commit, and a command is
/// acknowledged when its reply is confirmed. On graceful shutdown it finishes what it has begun.
public final class ParticipantService: Service {
    private let participant: Participant
    private let database: ParticipantDatabase
    private let bus: any MessageBus
    private let settings: ParticipantSettings
    private let now: @Sendable () -> Timestamp
    private let logger: Logger

    /// - Parameter now: the wall clock; another one in tests.
    public init(
        participant: Participant, database: ParticipantDatabase, bus: any MessageBus,
        settings: ParticipantSettings = ParticipantSettings(), logger: Logger,
        now: (@Sendable () -> Timestamp)? = nil
    ) {
        self.participant = participant
        self.database = database
        self.bus = bus
        self.settings = settings
        self.now = now ?? { Timestamp.wallClock }
        var logger = logger
        logger[metadataKey: "participant"] = "\(participant.name)"
        self.logger = logger
    }

    /// Returns after a graceful shutdown.
    ///
    /// - Throws: `BusError` when the bus will not get better by itself.
    public func run() async throws {
        let signals = ParticipantSignals()
        let (participant, database, bus, settings, now, logger) = (
            self.participant, self.database, self.bus, self.settings, self.now, self.logger
        )
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                try await runOnDedicatedThread {
                    let threads = ThreadPool()
                    defer { threads.end() }
                    let core = ParticipantCore(
                        participant: participant, database: database, crashPoints: settings.crashPoints)
                    let loop = ParticipantLoop(
                        core: core, bus: bus, settings: settings, signals: signals, clock: .machine(now: now),
                        perform: { call, signals in
                            threads.run { signals.returned(call.perform(settings.crashPoints)) }
                        }, logger: logger)
                    try loop.run()
                }
            } onGracefulShutdown: {
                signals.stop()
            }
        } onCancel: {
            signals.stop()
        }
    }
}
