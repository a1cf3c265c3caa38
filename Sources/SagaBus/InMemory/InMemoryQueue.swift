import SagaCore

/// One queue of the embedded bus: first in, first out, where what is given back returns to its old place.
final class InMemoryQueue {
    struct Entry {
        let sequence: UInt64
        let message: Message
        var wasDelivered = false
    }

    let name: String
    let isTemporary: Bool
    /// In the order in which they take turns.
    var consumers: [InMemoryConsumer] = []
    private var arrived = FIFO<Entry>()
    /// Given back, the oldest last.
    private var returned: [Entry] = []
    private var lastSequence: UInt64 = 0

    init(_ queue: Topology.Queue) {
        name = queue.name
        isTemporary = queue.isTemporary
    }

    var count: Int { returned.count + arrived.count }

    func append(_ message: Message) {
        lastSequence += 1
        arrived.append(Entry(sequence: lastSequence, message: message))
    }

    func takeFirst() -> Entry? {
        guard let back = returned.last else { return arrived.popFirst() }
        if let new = arrived.first, new.sequence < back.sequence { return arrived.popFirst() }
        return returned.popLast()
    }

    func giveBack(_ entries: some Sequence<Entry>) {
        if PlantedBug.queueLosesReturned.isPlanted { return }
        for entry in entries {
            var entry = entry
            entry.wasDelivered = !PlantedBug.queueForgetsDelivery.isPlanted
            returned.append(entry)
        }
        returned.sort { $0.sequence > $1.sequence }
    }
}
