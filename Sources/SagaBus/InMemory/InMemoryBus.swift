import Synchronization

/// The bus inside one process: what an embedded Skald, the tests and the simulator run on.
///
/// Everything happens in the caller's thread, before the call returns: deliveries are in their mailboxes when `publish`,
/// `acknowledge` or `requeue` comes back, and so are the confirms. Messages live in memory only; what must survive the
/// process is in the outbox.
public final class InMemoryBus: MessageBus {
    fileprivate let broker = Mutex(InMemoryBroker())

    public init() {}

    public func declare(_ topology: Topology) throws(BusError) {
        try broker.withLock { broker throws(BusError) in try broker.declare(topology) }
    }

    public func openPublisher(mailbox: BusMailbox) throws(BusError) -> any BusPublisher {
        let key = try broker.withLock { broker throws(BusError) in try broker.openPublisher(mailbox: mailbox) }
        return Publisher(bus: self, key: key, mailbox: mailbox)
    }

    public func openConsumer(
        _ id: ConsumerID, queue: String, options: ConsumerOptions, mailbox: BusMailbox
    ) throws(BusError) -> any BusConsumer {
        let key = try broker.withLock { broker throws(BusError) in
            try broker.openConsumer(id, queue: queue, options: options, mailbox: mailbox)
        }
        return Consumer(bus: self, key: key)
    }

    public func depth(ofQueue queue: String) throws(BusError) -> Int? {
        try broker.withLock { broker throws(BusError) in try broker.depth(ofQueue: queue) }
    }

    public func close() {
        broker.withLock { $0.close() }
    }

    /// Nothing waits for a consumer there is, and none holds anything it has not settled.
    package var isIdle: Bool { broker.withLock { $0.isIdle } }
}

/// Faults of a broker, for tests and the simulator.
extension InMemoryBus {
    /// Holds everything published from now on, as a broker under a memory alarm does (F14).
    package func blockPublishing(reason: String) {
        broker.withLock { $0.block(reason: reason) }
    }

    package func unblockPublishing() {
        broker.withLock { $0.block(reason: nil) }
    }

    /// Cuts every publisher and consumer off until ``reconnect()``; the queues keep their messages (F13).
    package func disconnect(_ error: BusError = BusError(.connection, "The broker is away.")) {
        broker.withLock { $0.disconnect(error) }
    }

    /// Deletes a queue and what it holds; its consumers get nothing any more (F15).
    package func deleteQueue(_ name: String) {
        broker.withLock { $0.remove(queue: name) }
    }

    package func reconnect() {
        broker.withLock { $0.reconnect() }
    }

    /// Puts messages into queues as they are, also such as no client of ours could publish (F18).
    package func deliver(_ messages: [(queue: String, message: Message)]) {
        broker.withLock { $0.deliver(messages) }
    }
}

extension InMemoryBus {
    private final class Publisher: BusPublisher {
        let bus: InMemoryBus
        let key: UInt64
        let mailbox: BusMailbox

        init(bus: InMemoryBus, key: UInt64, mailbox: BusMailbox) {
            self.bus = bus
            self.key = key
            self.mailbox = mailbox
        }

        func publish(_ messages: [(token: UInt64, message: Message)]) {
            let isTaken = bus.broker.withLock { $0.publish(messages, from: key) }
            if !isTaken {
                mailbox.post(.published(messages.map { PublishResult(token: $0.token, outcome: .unknown) }))
            }
        }

        func close() { bus.broker.withLock { $0.closePublisher(key) } }
    }

    private final class Consumer: BusConsumer {
        let bus: InMemoryBus
        let key: UInt64

        init(bus: InMemoryBus, key: UInt64) {
            self.bus = bus
            self.key = key
        }

        func acknowledge(_ tags: [DeliveryTag]) { bus.broker.withLock { $0.acknowledge(tags, of: key) } }
        func requeue(_ tags: [DeliveryTag]) { bus.broker.withLock { $0.requeue(tags, of: key) } }
        func pause() { bus.broker.withLock { $0.pause(key) } }
        func resume() { bus.broker.withLock { $0.resume(key) } }
        func close() { bus.broker.withLock { $0.closeConsumer(key) } }
    }
}
