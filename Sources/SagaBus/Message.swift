/// A value in a message's header table.
public enum HeaderValue: Sendable, Hashable {
    case string(String)
    case int(Int64)
    case bool(Bool)
    /// Something else was there: an AMQP type Skald does not use, or a text that is no UTF-8. Only of Skald's own
    /// headers is that known, so that they are refused; others of such a kind are dropped on receipt.
    case unsupported
}

/// The AMQP 0-9-1 properties Skald uses. Every message is persistent.
public struct MessageProperties: Sendable, Hashable {
    public var contentType: String?
    public var messageID: String?
    public var correlationID: String?
    public var type: String?
    public var replyTo: String?
    /// The user the broker has checked the publisher to be, if the publisher set one.
    public var userID: String?
    /// Milliseconds the message may wait in its queue.
    public var expirationMilliseconds: Int64?
    /// Few entries, order kept; looked up with ``header(_:)``.
    public var headers: [(name: String, value: HeaderValue)]

    public init(
        contentType: String? = "application/json", messageID: String? = nil, correlationID: String? = nil,
        type: String? = nil, replyTo: String? = nil, userID: String? = nil, expirationMilliseconds: Int64? = nil,
        headers: [(name: String, value: HeaderValue)] = []
    ) {
        self.contentType = contentType
        self.messageID = messageID
        self.correlationID = correlationID
        self.type = type
        self.replyTo = replyTo
        self.userID = userID
        self.expirationMilliseconds = expirationMilliseconds
        self.headers = headers
    }

    public func header(_ name: String) -> HeaderValue? {
        headers.first { $0.name == name }?.value
    }

    public static func == (a: Self, b: Self) -> Bool {
        a.contentType == b.contentType && a.messageID == b.messageID && a.correlationID == b.correlationID
            && a.type == b.type && a.replyTo == b.replyTo && a.userID == b.userID
            && a.expirationMilliseconds == b.expirationMilliseconds
            && a.headers.elementsEqual(b.headers) { $0.name == $1.name && $0.value == $1.value }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(messageID)
        hasher.combine(correlationID)
        hasher.combine(type)
    }
}

/// A message and where it goes.
public struct Message: Sendable, Hashable {
    /// Empty for the default exchange, whose routing key is a queue's name.
    public var exchange: String
    public var routingKey: String
    public var properties: MessageProperties
    public var body: [UInt8]
    /// Comes back as ``PublishOutcome/returned(_:)`` when no queue takes it.
    public var isMandatory: Bool

    public init(
        exchange: String, routingKey: String, properties: MessageProperties, body: [UInt8], isMandatory: Bool = false
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.properties = properties
        self.body = body
        self.isMandatory = isMandatory
    }
}

/// Names one consumer of one bus connection; chosen by whoever opens it.
public struct ConsumerID: Sendable, Hashable, ExpressibleByStringLiteral {
    public let name: String
    public init(_ name: String) { self.name = name }
    public init(stringLiteral name: String) { self.name = name }
}

/// What to acknowledge. Settling a tag of a connection that is gone does nothing: the broker delivers that message
/// again by itself.
public struct DeliveryTag: Sendable, Hashable {
    /// Counts the connections of this consumer, so that a tag never means a message of a later connection.
    public let epoch: UInt64
    public let number: UInt64

    public init(epoch: UInt64, number: UInt64) {
        self.epoch = epoch
        self.number = number
    }
}

/// A message that has arrived and waits to be settled.
public struct Delivery: Sendable {
    public let consumer: ConsumerID
    public let tag: DeliveryTag
    /// The broker says it may have been delivered before.
    public let isRedelivered: Bool
    public let message: Message

    public init(consumer: ConsumerID, tag: DeliveryTag, isRedelivered: Bool, message: Message) {
        self.consumer = consumer
        self.tag = tag
        self.isRedelivered = isRedelivered
        self.message = message
    }
}
