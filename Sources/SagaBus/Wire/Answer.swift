import SagaCore

/// What a caller hears about a start or an operator request, in the queue its `reply_to` names.
public struct Answer: Sendable, Hashable {
    public enum Kind: String, Sendable {
        /// A start: the saga exists.
        case accepted
        /// An operator request has been applied.
        case applied
        /// Nothing was changed; the body says why.
        case refused
    }
    public var kind: Kind
    /// The `message_id` of the request.
    public var requestID: String
    public var body: JSONObject

    public init(kind: Kind, requestID: String, body: JSONObject) {
        self.kind = kind
        self.requestID = requestID
        self.body = body
    }

    public init(refusing requestID: String, _ refusal: Refusal, saga: SagaID? = nil) {
        var body: JSONObject = [
            "code": .string(refusal.code.rawValue), "path": .string(refusal.path),
            "message": .string(refusal.message),
        ]
        if let saga { body["saga"] = .string(saga.description) }
        self.init(kind: .refused, requestID: requestID, body: body)
    }

    public func message(to replyTo: String) -> Message {
        Message(
            exchange: "", routingKey: replyTo,
            properties: MessageProperties(correlationID: requestID, type: kind.rawValue),
            body: JSONValue.object(body).encoded)
    }

    public static func decode(_ message: Message) throws(Refusal) -> Answer {
        guard let kind = Kind(rawValue: try message.properties.requiredType()) else {
            throw Refusal(code: .fieldValue, path: "type", message: "an answer is accepted, applied or refused")
        }
        return Answer(
            kind: kind, requestID: try message.properties.requiredCorrelationID(), body: try message.jsonObject())
    }
}
