import SagaCore
import Synchronization

/// A clock that moves when told to.
final class HandClock: Sendable {
    private let time: Mutex<Timestamp>

    init(at start: Timestamp) { time = Mutex(start) }

    var now: Timestamp { time.withLock { $0 } }

    func advance(milliseconds: Int64) {
        time.withLock { $0 = $0.adding(milliseconds: milliseconds) }
    }
}
