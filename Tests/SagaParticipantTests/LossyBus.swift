import SagaBus
import Synchronization

/// The embedded bus, except that the first time anything is published it is lost.
struct LossyBus: MessageBus {
    private let bus: InMemoryBus
    private let outcome: PublishOutcome

    /// - Parameter outcome: what is said of a message that is lost.
    init(_ bus: InMemoryBus, _ outcome: PublishOutcome) {
        self.bus = bus
        self.outcome = outcome
    }

    func declare(_ topology: Topology) throws(BusError) { try bus.declare(topology) }

    func openPublisher(mailbox: BusMailbox) throws(BusError) -> any BusPublisher {
        Publisher(try bus.openPublisher(mailbox: mailbox), mailbox, outcome)
    }

    func openConsumer(
        _ id: ConsumerID, queue: String, options: ConsumerOptions, mailbox: BusMailbox
    ) throws(BusError) -> any BusConsumer {
        try bus.openConsumer(id, queue: queue, options: options, mailbox: mailbox)
    }

    func depth(ofQueue queue: String) throws(BusError) -> Int? { try bus.depth(ofQueue: queue) }
    func close() { bus.close() }

    private final class Publisher: BusPublisher {
        private let publisher: any BusPublisher
        private let mailbox: BusMailbox
        private let outcome: PublishOutcome
        private let seen = Mutex(Set<Message>())

        init(_ publisher: any BusPublisher, _ mailbox: BusMailbox, _ outcome: PublishOutcome) {
            self.publisher = publisher
            self.mailbox = mailbox
            self.outcome = outcome
        }

        func publish(_ messages: [(token: UInt64, message: Message)]) {
            let lost = messages.filter { message in seen.withLock { $0.insert(message.message).inserted } }
            let tokens = Set(lost.map(\.token))
            publisher.publish(messages.filter { !tokens.contains($0.token) })
            mailbox.post(.published(lost.map { PublishResult(token: $0.token, outcome: outcome) }))
        }

        func close() { publisher.close() }
    }
}
