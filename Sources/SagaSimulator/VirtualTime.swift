import HeapModule
import SagaCore

/// Time as a simulation makes it pass: it jumps from one event to the next.
// One thread drives a simulation and all that belongs to it.
final class VirtualTime: @unchecked Sendable {
    private struct Event: Comparable {
        let due: Int64
        /// Decides among what happens in the same millisecond.
        let lot: UInt64
        let number: Int
        let action: () -> Void

        static func < (a: Event, b: Event) -> Bool { (a.due, a.lot, a.number) < (b.due, b.lot, b.number) }
        static func == (a: Event, b: Event) -> Bool { a.number == b.number }
    }

    /// When simulations begin: an arbitrary morning.
    static let origin = Timestamp(milliseconds: 1_767_225_600_000)

    /// Since ``origin``.
    private(set) var milliseconds: Int64 = 0
    private(set) var eventCount = 0
    private var events = Heap<Event>()
    private var lots: SplitMix64

    init(seed: UInt64) { lots = SplitMix64(seed: seed) }

    var now: Timestamp { Self.origin.adding(milliseconds: milliseconds) }

    func after(_ delay: Int64, _ action: @escaping () -> Void) {
        eventCount += 1
        events.insert(
            Event(due: milliseconds + max(0, delay), lot: lots.next(), number: eventCount, action: action))
    }

    /// What was to come does not.
    func end() { events = Heap() }

    /// Goes on to the next event; false when there is none.
    func runNext() -> Bool {
        guard let next = events.popMin() else { return false }
        milliseconds = max(milliseconds, next.due)
        next.action()
        return true
    }
}
