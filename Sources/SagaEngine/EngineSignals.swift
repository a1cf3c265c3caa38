import SagaBus
import SagaCore
import Synchronization

/// What other threads tell the engine's loop. Each wakes it.
package final class EngineSignals: Sendable {
    private struct Contents {
        var isStopping = false
        var definitions: [SagaDefinition]?
    }
    package let mailbox = BusMailbox()
    private let contents = Mutex(Contents())

    package init() {}

    func stop() {
        contents.withLock { $0.isStopping = true }
        mailbox.wake()
    }

    var isStopping: Bool { contents.withLock { $0.isStopping } }

    package func load(_ definitions: [SagaDefinition]) {
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
