import SagaBus
import SagaCore
import Synchronization

/// What other threads tell the engine's loop. Each wakes it.
final class EngineSignals: Sendable {
    private struct Contents {
        var isStopping = false
        var definitions: [SagaDefinition]?
    }
    let mailbox = BusMailbox()
    private let contents = Mutex(Contents())

    func stop() {
        contents.withLock { $0.isStopping = true }
        mailbox.wake()
    }

    var isStopping: Bool { contents.withLock { $0.isStopping } }

    func load(_ definitions: [SagaDefinition]) {
        contents.withLock { $0.definitions = definitions }
        mailbox.wake()
    }

    func takeDefinitions() -> [SagaDefinition]? {
        contents.withLock { contents in
            defer { contents.definitions = nil }
            return contents.definitions
        }
    }
}
