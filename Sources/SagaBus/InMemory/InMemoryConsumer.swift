/// One consumer of the embedded bus and what it has not settled.
final class InMemoryConsumer {
    let key: UInt64
    let id: ConsumerID
    let options: ConsumerOptions
    let mailbox: BusMailbox
    let queueName: String
    var isPaused = false
    var pauses = 0
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

    var hasUnsettled: Bool { !unsettled.isEmpty }
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
