/// Threads for work that blocks, kept for the next piece of work.
///
/// There are as many as have ever been busy at the same time: whoever hands out work limits it.
package final class ThreadPool: Sendable {
    private struct Contents {
        var waiting = FIFO<@Sendable () -> Void>()
        var idle = 0
        var hasEnded = false
    }
    private let monitor = Monitor()
    // Read and written only while `monitor` is locked.
    private nonisolated(unsafe) var contents = Contents()

    package init() {}

    /// Runs `work` on a thread that has nothing to do, or on a new one.
    package func run(_ work: @escaping @Sendable () -> Void) {
        monitor.lock()
        contents.waiting.append(work)
        let needsThread = contents.waiting.count > contents.idle
        monitor.unlock()
        if needsThread { DedicatedThread.start { self.serve() } } else { monitor.signal() }
    }

    /// Lets the threads go as they have nothing to do.
    package func end() {
        monitor.lock()
        contents.hasEnded = true
        monitor.unlock()
        monitor.broadcast()
    }

    private func serve() {
        monitor.lock()
        defer { monitor.unlock() }
        while true {
            while let work = contents.waiting.popFirst() {
                monitor.unlock()
                work()
                monitor.lock()
            }
            if contents.hasEnded { return }
            contents.idle += 1
            monitor.wait()
            contents.idle -= 1
        }
    }
}
