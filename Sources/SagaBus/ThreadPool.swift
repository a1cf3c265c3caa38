#if canImport(Glibc)
    import Glibc
#endif

/// Threads for work that blocks, kept for the next piece of work.
///
/// There are as many as have ever been busy at the same time: whoever hands out work limits it.
package final class ThreadPool: Sendable {
    private struct Contents {
        var waiting = FIFO<@Sendable () -> Void>()
        var idle = 0
        var hasEnded = false
    }
    // The condition variable is only touched through its own thread-safe calls and lives as long as the pool, which
    // its threads keep.
    private nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private nonisolated(unsafe) let condition: UnsafeMutablePointer<pthread_cond_t>
    // Read and written only while `mutex` is held.
    private nonisolated(unsafe) var contents = Contents()

    package init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `work` on a thread that has nothing to do, or on a new one.
    package func run(_ work: @escaping @Sendable () -> Void) {
        pthread_mutex_lock(mutex)
        contents.waiting.append(work)
        let needsThread = contents.waiting.count > contents.idle
        if !needsThread { pthread_cond_signal(condition) }
        pthread_mutex_unlock(mutex)
        if needsThread { DedicatedThread.start { self.serve() } }
    }

    /// Lets the threads go as they have nothing to do.
    package func end() {
        pthread_mutex_lock(mutex)
        contents.hasEnded = true
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    private func serve() {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            while let work = contents.waiting.popFirst() {
                pthread_mutex_unlock(mutex)
                work()
                pthread_mutex_lock(mutex)
            }
            if contents.hasEnded { return }
            contents.idle += 1
            pthread_cond_wait(condition, mutex)
            contents.idle -= 1
        }
    }
}
