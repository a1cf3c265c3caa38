#if canImport(Glibc)
    import Glibc
#endif

/// A lock whose holder can wait for something to change.
package final class Monitor: Sendable {
    // Both are only touched through their own thread-safe calls and live as long as the monitor.
    private nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private nonisolated(unsafe) let condition: UnsafeMutablePointer<pthread_cond_t>

    package init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    package func lock() { pthread_mutex_lock(mutex) }
    package func unlock() { pthread_mutex_unlock(mutex) }

    /// Wakes one that waits. Best called after ``unlock()``: whoever wakes needs the lock.
    package func signal() { pthread_cond_signal(condition) }
    package func broadcast() { pthread_cond_broadcast(condition) }

    /// Gives the lock away until somebody signals; may return without.
    package func wait() { pthread_cond_wait(condition, mutex) }

    /// - Returns: false once it is too late.
    package func wait(until deadline: Deadline) -> Bool {
        var time = deadline.time
        return pthread_cond_timedwait(condition, mutex, &time) != ETIMEDOUT
    }

    /// A point of the clock that waiting goes by.
    package struct Deadline {
        fileprivate var time = timespec()

        /// So long from now; a negative time is none.
        package init(in timeout: Duration) {
            clock_gettime(CLOCK_MONOTONIC, &time)
            let (seconds, attoseconds) = max(timeout, .zero).components
            time.tv_sec += Int(clamping: min(seconds, 1_000_000_000))
            time.tv_nsec += Int(attoseconds / 1_000_000_000)
            if time.tv_nsec >= 1_000_000_000 {
                time.tv_sec += 1
                time.tv_nsec -= 1_000_000_000
            }
        }
    }
}
