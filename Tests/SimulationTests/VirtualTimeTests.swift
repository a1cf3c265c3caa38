import SagaCore
import Testing

@testable import SagaSimulator

struct VirtualTimeTests {
    @Test("time jumps to each event in turn, and stands still between")
    func jumps() {
        let time = VirtualTime(seed: 1)
        var seen: [Int64] = []
        time.after(86_400_000) { seen.append(time.milliseconds) }
        time.after(5) { time.after(10) { seen.append(time.milliseconds) } }
        while time.runNext() {}
        #expect(seen == [15, 86_400_000])
        #expect(time.now - VirtualTime.origin == 86_400_000)
    }

    @Test("the seed decides what comes first of what happens at the same time")
    func ties() {
        func order(seed: UInt64) -> [Int] {
            let time = VirtualTime(seed: seed)
            var seen: [Int] = []
            for number in 0..<8 { time.after(1) { seen.append(number) } }
            while time.runNext() {}
            return seen
        }
        #expect(order(seed: 7) == order(seed: 7))
        #expect(Set((0..<20).map { order(seed: $0) }).count > 10)
    }
}
