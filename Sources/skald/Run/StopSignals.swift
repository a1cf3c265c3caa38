import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// SIGTERM and SIGINT from the moment this is made: one that comes while the service is still being set up stops it in
/// order all the same.
struct StopSignals {
    private let signals: UnixSignalsSequence

    init() async {
        signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        // A write beyond the limit on a file's size is to fail like any other, not to end the process.
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Runs a long-lived service until one of them comes.
    func run(_ service: some ServiceLifecycle.Service, logger: Logger) async throws {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: quiet))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            defer { tasks.cancelAll() }
            tasks.addTask {
                for await _ in signals { await group.triggerGracefulShutdown() }
            }
            try await group.run()
        }
    }
}
