#if canImport(Glibc)
    import Glibc
#endif

/// Where a bus leaves what happened, and where its one owner waits for it.
///
/// Any thread may post; one thread receives. The owner is a dedicated thread, never one of the cooperative pool, since
/// ``receive(waitingAtMost:limit:)`` blocks.
public final class BusMailbox: Sendable {
    private struct Contents {
        var events: [BusEvent] = []
        var isWoken = false
    }
    // The condition variable is only touched through its own thread-safe calls and lives as long as the mailbox.
    private nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private nonisolated(unsafe) let condition: UnsafeMutablePointer<pthread_cond_t>
    // Read and written only while `mutex` is held.
    private nonisolated(unsafe) var contents = Contents()

    public init() {
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

    public func post(_ events: [BusEvent]) {
        guard !events.isEmpty else { return }
        pthread_mutex_lock(mutex)
        contents.events.append(contentsOf: events)
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    public func post(_ event: BusEvent) { post([event]) }

    package var isEmpty: Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return contents.events.isEmpty
    }

    /// Makes the current or next ``receive(waitingAtMost:limit:)`` return at once, with or without events.
    public func wake() {
        pthread_mutex_lock(mutex)
        contents.isWoken = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Takes what has arrived, waiting for the first event. Returns without one after `timeout` (nil: never) or when
    /// woken. What exceeds `limit` stays for the next call.
    public func receive(waitingAtMost timeout: Duration?, limit: Int = .max) -> [BusEvent] {
        var until = timespec()
        if let timeout {
            clock_gettime(CLOCK_MONOTONIC, &until)
            let (seconds, attoseconds) = max(timeout, .zero).components
            until.tv_sec += Int(clamping: min(seconds, 1_000_000_000))
            until.tv_nsec += Int(attoseconds / 1_000_000_000)
            if until.tv_nsec >= 1_000_000_000 {
                until.tv_sec += 1
                until.tv_nsec -= 1_000_000_000
            }
        }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while contents.events.isEmpty && !contents.isWoken {
            if let timeout, timeout <= .zero { break }
            guard timeout != nil else {
                pthread_cond_wait(condition, mutex)
                continue
            }
            if pthread_cond_timedwait(condition, mutex, &until) == ETIMEDOUT { break }
        }
        contents.isWoken = false
        guard contents.events.count > limit else {
            defer { contents.events = [] }
            return contents.events
        }
        defer { contents.events.removeFirst(limit) }
        return Array(contents.events.prefix(limit))
    }
}
