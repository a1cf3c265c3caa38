/// A transport that carries messages at least once: ``InMemoryBus`` or RabbitMQ.
///
/// Both pass one conformance suite. Nothing here blocks for long except `declare`, `openPublisher` and `openConsumer`,
/// which wait for the broker (10 s at most); what happens later arrives in the owner's ``BusMailbox``. Connections are
/// kept up by the bus: after a loss it reconnects with backoff, declares everything again and resumes every consumer.
public protocol MessageBus: Sendable {
    /// Makes the exchanges, queues and bindings exist, now and again after every reconnect.
    func declare(_ topology: Topology) throws(BusError)

    /// Opens a publisher with confirms on a connection of its own.
    func openPublisher(mailbox: BusMailbox) throws(BusError) -> any BusPublisher

    /// Starts consuming a queue with manual acknowledgement, on a connection of its own.
    func openConsumer(
        _ id: ConsumerID, queue: String, options: ConsumerOptions, mailbox: BusMailbox
    ) throws(BusError) -> any BusConsumer

    /// How many messages wait in the queue, or nil if there is no such queue.
    func depth(ofQueue queue: String) throws(BusError) -> Int?

    /// Closes every connection. Unsettled deliveries go back to their queues. Idempotent.
    func close()
}

public struct ConsumerOptions: Sendable {
    /// The most unsettled deliveries this consumer holds.
    public var prefetch: Int
    /// No one else may consume the queue; opening fails with ``BusError/Code/accessRefused`` if someone does. On a
    /// RabbitMQ quorum queue this holds among exclusive consumers only.
    public var isExclusive: Bool

    public init(prefetch: Int = 256, isExclusive: Bool = false) {
        self.prefetch = prefetch
        self.isExclusive = isExclusive
    }
}

public protocol BusPublisher: Sendable {
    /// Hands the messages over in order and returns at once. Each token comes back exactly once as a
    /// ``PublishResult``, in any order. While the connection is lost that is ``PublishOutcome/unknown``, at once: publish
    /// again after ``BusEvent/publisherReady``.
    func publish(_ messages: [(token: UInt64, message: Message)])
    /// Publishes nothing further; results still out are reported as ``PublishOutcome/unknown``.
    func close()
}

public protocol BusConsumer: Sendable {
    /// Acknowledges these deliveries. Never waits.
    func acknowledge(_ tags: [DeliveryTag])
    /// Gives these deliveries back to their queue, to be delivered again (to anyone).
    func requeue(_ tags: [DeliveryTag])
    /// Stops deliveries and gives back all that are unsettled; ``resume()`` starts again, which is told by
    /// ``BusEvent/consuming(_:backlog:pauses:)`` however soon it comes. Both are idempotent.
    func pause()
    func resume()
    /// Stops for good and gives back what is unsettled.
    func close()
}

/// What became of a published message.
public enum PublishOutcome: Sendable, Hashable {
    /// The broker has taken responsibility: routed, and on disk where that applies.
    case confirmed
    /// No queue took a mandatory message; the text says why.
    case returned(String)
    /// The broker refused it, or it can never be sent: its exchange has not been declared through this bus, or one of
    /// its properties is too long for AMQP.
    case rejected
    /// The connection went before the confirm came: it may or may not have arrived.
    case unknown
}

public struct PublishResult: Sendable, Hashable {
    public let token: UInt64
    public let outcome: PublishOutcome

    public init(token: UInt64, outcome: PublishOutcome) {
        self.token = token
        self.outcome = outcome
    }
}

/// What a bus tells the owner of a mailbox.
public enum BusEvent: Sendable {
    /// A consumer is (again) consuming; `backlog` messages were ready in its queue at that moment.
    ///
    /// `pauses` tells how often it had been paused by then. What comes between a pause and the event that has counted it
    /// was delivered before: it has been given back, and its tags are void.
    case consuming(ConsumerID, backlog: Int, pauses: Int)
    case delivery(Delivery)
    case published([PublishResult])
    /// The consumer's connection or its queue went away; the bus tries to get it back. Earlier tags are void.
    case consumerLost(ConsumerID, BusError)
    /// The publisher's connection went away; the bus tries to get it back.
    case publisherLost(BusError)
    /// The publisher's connection is back.
    case publisherReady
    /// The broker has stopped taking publishes (memory or disk alarm) until ``publishingUnblocked``, which also comes
    /// when the connection is lost meanwhile. What is published waits in memory.
    case publishingBlocked(reason: String)
    case publishingUnblocked
    /// Will not get better by itself (access refused, exclusive queue taken, declaration mismatch): give up.
    case failed(BusError)
}

/// Why a bus could not do something.
public struct BusError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// No broker at that address, or it hung up. Temporary.
        case connection
        /// Wrong user, password or virtual host, no permission, or the queue is exclusively another's.
        case accessRefused
        /// It exists with other properties.
        case mismatch
        case notFound
        /// No answer in time. Temporary.
        case timeout
        case closed
        case protocolViolation
        case invalidAddress
    }
    public let code: Code
    /// One sentence for a person, with what to do next where that is known.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var isTemporary: Bool { code == .connection || code == .timeout }
    public var description: String { message }
}
