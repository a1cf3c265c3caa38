import SagaBus
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Shuts down sockets on which a write has taken too long, so that the write fails instead of waiting for ever.
///
/// One thread for the whole process, started by the first write.
final class WriteWatchdog: Sendable {
    struct Watch {
        fileprivate let key: UInt64
    }

    private struct State {
        var watched: [UInt64: (socket: Int32, deadline: ContinuousClock.Instant)] = [:]
        var lastKey: UInt64 = 0
        var isStarted = false
        /// When the thread looks next by itself; nil: when woken.
        var nextLook: ContinuousClock.Instant?
    }

    static let shared = WriteWatchdog()
    private let state = Mutex(State())
    private let flag = EventFlag()

    /// The socket must stay open until ``end(_:)``.
    func watch(socket: Int32, atMost limit: Duration) -> Watch {
        let deadline = ContinuousClock.now + limit
        let (watch, starts, wakes) = state.withLock { state in
            state.lastKey += 1
            state.watched[state.lastKey] = (socket, deadline)
            let starts = !state.isStarted
            state.isStarted = true
            // A look that is due anyway before this deadline finds it.
            let wakes = state.nextLook.map { $0 > deadline } ?? true
            if wakes { state.nextLook = deadline }
            return (Watch(key: state.lastKey), starts, wakes)
        }
        if starts { DedicatedThread.start { self.run() } }
        if wakes { flag.raise() }
        return watch
    }

    /// Returns false if it took too long.
    func end(_ watch: Watch) -> Bool {
        state.withLock { state in state.watched.removeValue(forKey: watch.key) != nil }
    }

    private func run() {
        while true {
            let wait: Duration? = state.withLock { state in
                let now = ContinuousClock.now
                for (key, entry) in state.watched where entry.deadline <= now {
                    // Under the lock, so that the descriptor cannot have become another's.
                    shutdown(entry.socket, Int32(SHUT_RDWR))
                    state.watched[key] = nil
                }
                // With nothing to watch it keeps the look it has announced, so that most writes need not wake it.
                let announced = state.nextLook.flatMap { $0 > now ? $0 : nil }
                state.nextLook = state.watched.values.map(\.deadline).min() ?? announced
                return state.nextLook.map { $0 - now }
            }
            flag.wait(atMost: wait)
        }
    }
}
