import Glibc
import Synchronization
import Testing

@testable import SagaBus

@Suite("A pool of threads")
struct ThreadPoolTests {
    /// Holds back whoever comes until as many have come as are wanted.
    private final class Meeting: Sendable {
        private let came = Mutex(0)
        private let mailboxes: [BusMailbox]

        init(of count: Int) { mailboxes = (0..<count).map { _ in BusMailbox() } }

        func attend() {
            let place = came.withLock { came in
                defer { came += 1 }
                return came
            }
            if place == mailboxes.count - 1 { for mailbox in mailboxes { mailbox.wake() } }
            _ = mailboxes[place].receive(waitingAtMost: nil)
        }
    }

    @Test("what is handed out at the same time runs at the same time", arguments: [1, 2, 20])
    func together(_ count: Int) async throws {
        try await runOnDedicatedThread {
            let pool = ThreadPool()
            defer { pool.end() }
            for _ in 0..<3 {
                let (meeting, done) = (Meeting(of: count), Meeting(of: count + 1))
                for _ in 0..<count {
                    pool.run {
                        meeting.attend()
                        done.attend()
                    }
                }
                done.attend()
            }
        }
    }

    @Test("a thread that has nothing to do serves again")
    func again() async throws {
        try await runOnDedicatedThread {
            let pool = ThreadPool()
            defer { pool.end() }
            let threads = Mutex<Set<UInt>>([])
            for _ in 0..<50 {
                let done = BusMailbox()
                pool.run {
                    threads.withLock { _ = $0.insert(UInt(pthread_self())) }
                    done.wake()
                }
                _ = done.receive(waitingAtMost: nil)
            }
            // One is free a moment after its work is done: the next may come just before.
            #expect(threads.withLock { $0.count } < 50)
        }
    }
}
