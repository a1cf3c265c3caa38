import SagaCore

/// An operator's request as it travels: the machine decides what comes of it.
public struct OperatorMessage: Sendable, Hashable {
    /// The verb that asks which process runs the shard; a second worker asks it before it gives up.
    package static let ownerType = "skald.owner"
    /// The verb that removes sagas that ended long ago, a piece at a time.
    package static let pruneVerb = "prune"

    public var requestID: String
    public var verb: String
    public var replyTo: String?
    /// `{"saga": …, "step"?, "reason"?, "as"?, "output"?, "expect"?, "by"?}`
    public var body: JSONObject

    public init(requestID: String, verb: String, replyTo: String? = nil, body: JSONObject) {
        self.requestID = requestID
        self.verb = verb
        self.replyTo = replyTo
        self.body = body
    }

    /// - Parameter expirationMilliseconds: after this the request lapses if no worker has taken it.
    public func message(shard: Int, expirationMilliseconds: Int64) -> Message {
        Message(
            exchange: SkaldNames.operatorRequests, routingKey: "\(shard)",
            properties: MessageProperties(
                messageID: requestID, type: verb, replyTo: replyTo, expirationMilliseconds: expirationMilliseconds),
            body: JSONValue.object(body).encoded, isMandatory: true)
    }

    public static func decode(_ message: Message) throws(Refusal) -> OperatorMessage {
        OperatorMessage(
            requestID: try message.properties.requiredMessageID(), verb: try message.properties.requiredType(),
            replyTo: message.properties.replyAddress, body: try message.jsonObject())
    }
}
