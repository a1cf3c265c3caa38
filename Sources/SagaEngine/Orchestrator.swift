import Logging
import SagaBus
import SagaCore
import SagaStore
import ServiceLifecycle

/// Runs sagas over a bus until it is told to stop: the background worker.
///
/// On graceful shutdown it finishes the batch it is in, waits for the broker to confirm what it has published (bounded)
/// and returns.
package final class Orchestrator: Service {
    private let store: SagaStore
    private let bus: any MessageBus
    private let settings: EngineSettings
    private let definitions: [SagaDefinition]
    private let clock: EngineClock?
    private let logger: Logger
    private let signals = EngineSignals()

    /// - Parameter clock: the machine's clock, never behind the file, unless a test has one of its own.
    package init(
        store: SagaStore, bus: any MessageBus, settings: EngineSettings = EngineSettings(),
        definitions: [SagaDefinition], clock: EngineClock? = nil, logger: Logger
    ) {
        self.store = store
        self.bus = bus
        self.settings = settings
        self.definitions = definitions
        self.clock = clock
        self.logger = logger
    }

    /// A definition that changed under its version while sagas are open is refused with an error in the log; the others
    /// run (rule 15).
    ///
    /// - Throws: `BusError` when the bus will not get better by itself.
    package func run() async throws {
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                try await runOnDedicatedThread { [store, bus, settings, definitions, clock, logger, signals] in
                    let clock = try clock ?? EngineClock(notBefore: store.read { try $0.lastTime() })
                    var seeds = SystemRandomNumberGenerator()
                    let core = try EngineCore(store: store, settings: settings, definitions: [])
                    let loop = try EngineLoop(
                        core: core, store: store, bus: bus, settings: settings, definitions: definitions,
                        clock: clock, random: SplitMix64(seed: seeds.next()), signals: signals, logger: logger)
                    try loop.run()
                }
            } onGracefulShutdown: { [signals] in
                signals.stop()
            }
        } onCancel: { [signals] in
            signals.stop()
        }
    }

    /// Ends ``run()`` as a graceful shutdown does.
    package func stop() { signals.stop() }

    /// Takes new definitions for new starts; a refused one is logged and leaves the others as they are.
    package func reload(_ definitions: [SagaDefinition]) { signals.load(definitions) }
}
