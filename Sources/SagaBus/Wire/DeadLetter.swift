import SagaCore

/// A message nobody can handle, with the reason.
public struct DeadLetter: Sendable, Hashable {
    public var reason: RefusalCode
    public var detail: String
    /// The message as it was, where it was sent.
    public var original: Message

    public init(reason: RefusalCode, detail: String, original: Message) {
        self.reason = reason
        self.detail = detail
        self.original = original
    }

    /// Sends `original` to the dead letters, from where the orchestrator stores it.
    public static func message(for original: Message, reason: Refusal) -> Message {
        var properties = original.properties
        properties.userID = nil
        properties.expirationMilliseconds = nil
        properties.headers.removeAll {
            [WireHeader.reason, WireHeader.detail, WireHeader.exchange, WireHeader.routingKey].contains($0.name)
        }
        properties.headers += [
            (WireHeader.reason, .string(reason.code.rawValue)), (WireHeader.detail, .string(reason.description)),
            (WireHeader.exchange, .string(original.exchange)), (WireHeader.routingKey, .string(original.routingKey)),
        ]
        var letter = Message(
            exchange: SkaldNames.deadLetters, routingKey: "", properties: properties, body: original.body)
        letter.cutToLimits()
        return letter
    }

    /// Reads one back. Anything can be read: what has no reason gets `INTERNAL`.
    public static func decode(_ message: Message) -> DeadLetter {
        func text(_ name: String) -> String? {
            guard case .string(let text)? = message.properties.header(name) else { return nil }
            return text
        }
        var original = message
        original.exchange = text(WireHeader.exchange) ?? message.exchange
        original.routingKey = text(WireHeader.routingKey) ?? message.routingKey
        let added = [WireHeader.reason, WireHeader.detail, WireHeader.exchange, WireHeader.routingKey]
        original.properties.headers.removeAll { added.contains($0.name) }
        return DeadLetter(
            reason: RefusalCode(rawValue: text(WireHeader.reason) ?? RefusalCode.internal.rawValue),
            detail: text(WireHeader.detail) ?? "sent to the dead letters by someone else", original: original)
    }
}
