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
    private var arrived: [Entry] = []
    /// How many at the beginning of `arrived` have been taken.
    private var taken = 0
    /// Given back, the oldest last.
    private var returned: [Entry] = []
    private var lastSequence: UInt64 = 0

    init(_ queue: Topology.Queue) {
        name = queue.name
        isTemporary = queue.isTemporary
    }

    var count: Int { returned.count + arrived.count - taken }

    func append(_ message: Message) {
        lastSequence += 1
        arrived.append(Entry(sequence: lastSequence, message: message))
    }

    func takeFirst() -> Entry? {
        let isReturnedNext =
            if let back = returned.last {
                taken == arrived.count || back.sequence < arrived[taken].sequence
            } else { false }
        if isReturnedNext { return returned.popLast() }
        guard taken < arrived.count else { return nil }
        let entry = arrived[taken]
        taken += 1
        if taken == arrived.count {
            arrived.removeAll(keepingCapacity: taken < 4096)
            taken = 0
        } else if taken >= 1024 && taken * 2 > arrived.count {
            arrived.removeFirst(taken)
            taken = 0
        }
        return entry
    }

    func giveBack(_ entries: some Sequence<Entry>) {
        for entry in entries {
            var entry = entry
            entry.wasDelivered = true
            returned.append(entry)
        }
        returned.sort { $0.sequence > $1.sequence }
    }

    func removeAll() {
        arrived = []
        taken = 0
        returned = []
    }
}

/// One consumer of the embedded bus and what it has not settled.
final class InMemoryConsumer {
    let key: UInt64
    let id: ConsumerID
    let options: ConsumerOptions
    let mailbox: BusMailbox
    let queueName: String
    var isPaused = false
    var epoch: UInt64 = 1
    private var lastNumber: UInt64 = 0
    private var unsettled: [UInt64: InMemoryQueue.Entry] = [:]

    init(key: UInt64, id: ConsumerID, options: ConsumerOptions, mailbox: BusMailbox, queueName: String) {
        self.key = key
        self.id = id
        self.options = options
        self.mailbox = mailbox
        self.queueName = queueName
    }

    var hasRoom: Bool { !isPaused && unsettled.count < max(1, options.prefetch) }

    func deliver(_ entry: InMemoryQueue.Entry) -> BusEvent {
        lastNumber += 1
        unsettled[lastNumber] = entry
        return .delivery(
            Delivery(
                consumer: id, tag: DeliveryTag(epoch: epoch, number: lastNumber), isRedelivered: entry.wasDelivered,
                message: entry.message))
    }

    /// Those of the tags that are still out; the others are void.
    func settle(_ tags: [DeliveryTag]) -> [InMemoryQueue.Entry] {
        tags.compactMap { $0.epoch == epoch ? unsettled.removeValue(forKey: $0.number) : nil }
    }

    func settleAll() -> [InMemoryQueue.Entry] {
        defer { unsettled.removeAll() }
        return Array(unsettled.values)
    }
}
