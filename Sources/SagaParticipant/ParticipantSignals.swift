import SagaBus
import Synchronization

/// What other threads tell the loop: to stop, and which calls have come back. Each wakes it.
package final class ParticipantSignals: Sendable {
    private struct Contents {
        var isStopping = false
        var calls: [AnsweredCall] = []
    }
    package let mailbox = BusMailbox()
    private let contents = Mutex(Contents())

    package init() {}

    func stop() {
        contents.withLock { $0.isStopping = true }
        mailbox.wake()
    }

    var isStopping: Bool { contents.withLock { $0.isStopping } }

    package func returned(_ call: AnsweredCall) {
        contents.withLock { $0.calls.append(call) }
        mailbox.wake()
    }

    func takeCalls() -> [AnsweredCall] {
        contents.withLock { contents in
            defer { contents.calls = [] }
            return contents.calls
        }
    }
}
