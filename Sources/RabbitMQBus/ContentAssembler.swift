import CRabbitMQ
import SagaBus
import SagaCore

/// What a connection's frames amount to.
enum Incoming {
    case delivered(number: UInt64, isRedelivered: Bool, Message)
    case returned(Message, reason: String)
    case confirmed(number: UInt64, multiple: Bool)
    case rejected(number: UInt64, multiple: Bool)
    /// The broker has cancelled our consumer: its queue is gone.
    case cancelled
    case blocked(reason: String)
    case unblocked
}

/// Puts a message together from its method, its header and its body, which arrive one frame at a time.
struct ContentAssembler {
    /// One byte more than any message may have, so that whoever decodes it sees that it is too large.
    static let longestBody = JSONLimits.command.maxBytes + 1

    private enum Kind {
        case delivered(number: UInt64, isRedelivered: Bool)
        case returned(reason: String)
    }
    private var kind: Kind?
    private var message = Message(exchange: "", routingKey: "", properties: MessageProperties(), body: [])
    private var missing: UInt64 = 0

    mutating func begin(_ deliver: amqp_basic_deliver_t) {
        kind = .delivered(number: deliver.delivery_tag, isRedelivered: deliver.redelivered != 0)
        message.exchange = String(deliver.exchange)
        message.routingKey = String(deliver.routing_key)
    }

    mutating func begin(_ back: amqp_basic_return_t) {
        kind = .returned(reason: "\(String(back.reply_text)) (\(back.reply_code))")
        message.exchange = String(back.exchange)
        message.routingKey = String(back.routing_key)
    }

    mutating func header(_ properties: amqp_basic_properties_t?, bodySize: UInt64) -> Incoming? {
        message.properties = properties.map(MessageDecoding.properties) ?? MessageProperties(contentType: nil)
        message.body = []
        // The size is the sender's claim; a wrong one must not cost memory.
        message.body.reserveCapacity(Int(clamping: min(bodySize, UInt64(Self.longestBody))))
        missing = bodySize
        return missing == 0 ? finish() : nil
    }

    mutating func body(_ fragment: UnsafeRawBufferPointer) -> Incoming? {
        message.body.append(contentsOf: fragment.prefix(Self.longestBody - message.body.count))
        missing -= min(missing, UInt64(fragment.count))
        return missing == 0 ? finish() : nil
    }

    private mutating func finish() -> Incoming? {
        defer {
            kind = nil
            message.body = []
        }
        switch kind {
        case .delivered(let number, let isRedelivered):
            return .delivered(number: number, isRedelivered: isRedelivered, message)
        case .returned(let reason):
            return .returned(message, reason: reason)
        case nil:
            return nil
        }
    }
}
