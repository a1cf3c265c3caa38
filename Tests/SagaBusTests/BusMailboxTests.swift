import BusConformance
import SagaBus
import Testing

@Suite struct BusMailboxTests {
    @Test func aLimitLeavesTheRest() async throws {
        let counts = try await runOnDedicatedThread {
            let mailbox = BusMailbox()
            mailbox.post(Array(repeating: .publisherReady, count: 5))
            return (0..<4).map { _ in mailbox.receive(waitingAtMost: .zero, limit: 2).count }
        }
        #expect(counts == [2, 2, 1, 0])
    }

    @Test func aWakeIsNotLostWhenItComesFirst() async throws {
        let events = try await runOnDedicatedThread {
            let mailbox = BusMailbox()
            mailbox.wake()
            return mailbox.receive(waitingAtMost: nil)
        }
        #expect(events.isEmpty)
    }

    @Test func aWaitingOwnerIsWokenByAnotherThread() async throws {
        let mailbox = BusMailbox()
        async let received = runOnDedicatedThread { mailbox.receive(waitingAtMost: nil).count }
        mailbox.post(.publisherReady)
        #expect(try await received == 1)
    }

    @Test func everythingPostedByManyThreadsArrivesOnce() async throws {
        let mailbox = BusMailbox()
        for thread in 0..<8 {
            DedicatedThread.start {
                for number in 0..<500 {
                    mailbox.post(.consuming(ConsumerID("\(thread)"), backlog: number, pauses: 0))
                }
            }
        }
        let next = try await runOnDedicatedThread {
            var (next, count): ([String: Int], Int) = ([:], 0)
            while count < 8 * 500 {
                for case .consuming(let id, let number, _) in mailbox.receive(waitingAtMost: .seconds(600), limit: 100)
                {
                    try require(number == next[id.name, default: 0], "order of thread \(id.name) is lost")
                    next[id.name] = number + 1
                    count += 1
                }
            }
            return next
        }
        #expect(next.values.allSatisfy { $0 == 500 })
    }
}
