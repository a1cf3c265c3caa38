import SagaCore

/// A message from the orchestrator to a participant: an action, a compensation or a fence.
public struct Command: Sendable, Hashable {
    /// The type of a fence: the question that settles what became of a step (rule 7). The participant library
    /// answers it; there is no handler for it.
    public static let fenceType = "skald.fence"

    public var id: CommandID
    public var type: String
    /// Counts from 1 within a round; echoed by the reply.
    public var attempt: Int
    public var participant: String
    public var replyTo: String
    public var traceparent: String?
    public var body: JSONValue

    public init(
        id: CommandID, type: String, attempt: Int, participant: String, replyTo: String, traceparent: String? = nil,
        body: JSONValue
    ) {
        self.id = id
        self.type = type
        self.attempt = attempt
        self.participant = participant
        self.replyTo = replyTo
        self.traceparent = traceparent
        self.body = body
    }

    public func message() -> Message {
        var headers: [(name: String, value: HeaderValue)] = [
            (WireHeader.attempt, .int(Int64(attempt))), (WireHeader.step, .string(id.step)),
        ]
        if let traceparent { headers.append((WireHeader.traceparent, .string(traceparent))) }
        return Message(
            exchange: SkaldNames.commands, routingKey: participant,
            properties: MessageProperties(
                messageID: id.description, correlationID: id.saga.description, type: type, replyTo: replyTo,
                headers: headers),
            body: body.encoded, isMandatory: true)
    }

    /// Reads a command; what is wrong with it is a `BAD_COMMAND` to its sender.
    public static func decode(_ message: Message) throws(Refusal) -> Command {
        let properties = message.properties
        let idText = try properties.requiredMessageID()
        guard let id = CommandID(idText) else {
            throw Refusal(
                code: .idFormat, path: "message_id",
                message: "message_id must be <saga>/<step>/<action|compensation|fence>/<round>")
        }
        let type = try properties.requiredType()
        guard let replyTo = properties.replyAddress else {
            throw Refusal(code: .missingID, path: "reply_to", message: "the property reply_to is required")
        }
        guard (type == fenceType) == (id.kind == .fence) else {
            throw Refusal(
                code: .badCommand, path: "type", message: "a fence has the type \(fenceType) and a fence's message_id")
        }
        return Command(
            id: id, type: type, attempt: try attempt(of: message), participant: message.routingKey, replyTo: replyTo,
            traceparent: properties.traceparent, body: .object(try message.jsonObject(limits: .command)))
    }

    /// The attempt a command's message carries, 1 without one.
    package static func attempt(of message: Message) throws(Refusal) -> Int {
        let attempt = try message.properties.integerHeader(WireHeader.attempt) ?? 1
        guard attempt >= 1, attempt <= Int64(Int32.max) else {
            throw Refusal(
                code: .fieldValue, path: "headers.\(WireHeader.attempt)", message: "attempts are counted from 1")
        }
        return Int(attempt)
    }
}

extension JSONLimits {
    /// A compensation carries an action's input and its output, each of the size of a message.
    public static let command = JSONLimits(maxBytes: 2 * JSONLimits.message.maxBytes + 1024, maxDepth: 34)
}
