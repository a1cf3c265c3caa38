import SagaCore

/// A participant's answer to one attempt of a command.
public struct Reply: Sendable, Hashable {
    public static let type = "reply"

    public var command: CommandID
    public var outcome: Outcome
    public var attempt: Int
    /// With `retry`: ask again no sooner than this.
    public var retryAfterMilliseconds: Int64?
    /// The output if it succeeded, else `{"code": …, "message": …}`.
    public var body: JSONValue

    public init(
        command: CommandID, outcome: Outcome, attempt: Int, retryAfterMilliseconds: Int64? = nil,
        body: JSONValue = [:]
    ) {
        self.command = command
        self.outcome = outcome
        self.attempt = attempt
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.body = body
    }

    public func message(to replyTo: String, traceparent: String? = nil) -> Message {
        var headers: [(name: String, value: HeaderValue)] = [
            (WireHeader.outcome, .string(outcome.rawValue)), (WireHeader.attempt, .int(Int64(attempt))),
        ]
        if let retryAfterMilliseconds { headers.append((WireHeader.retryAfter, .int(retryAfterMilliseconds))) }
        if let traceparent { headers.append((WireHeader.traceparent, .string(traceparent))) }
        return Message(
            exchange: SkaldNames.replies, routingKey: replyTo,
            properties: MessageProperties(correlationID: command.description, type: Self.type, headers: headers),
            body: body.encoded)
    }

    public static func decode(_ message: Message) throws(Refusal) -> Reply {
        let properties = message.properties
        let type = try properties.requiredType()
        guard type == Self.type else {
            throw Refusal(code: .fieldValue, path: "type", message: "a reply has the type \(Self.type)")
        }
        guard let command = CommandID(try properties.requiredCorrelationID()) else {
            throw Refusal(
                code: .idFormat, path: "correlation_id", message: "correlation_id must be the command's message_id")
        }
        let text = try MessageProperties.required(properties.textHeader(WireHeader.outcome), WireHeader.outcome)
        guard let outcome = Outcome(rawValue: text) else {
            throw Refusal(
                code: .fieldValue, path: "headers.\(WireHeader.outcome)",
                message: "the header \(WireHeader.outcome) must be succeeded, failed or retry")
        }
        let attempt = try MessageProperties.required(properties.integerHeader(WireHeader.attempt), WireHeader.attempt)
        guard attempt >= 1 else {
            throw Refusal(
                code: .fieldValue, path: "headers.\(WireHeader.attempt)", message: "attempts are counted from 1")
        }
        let retryAfter = try properties.integerHeader(WireHeader.retryAfter)
        if let retryAfter, retryAfter < 0 {
            throw Refusal(
                code: .fieldValue, path: "headers.\(WireHeader.retryAfter)", message: "milliseconds, not negative")
        }
        return Reply(
            command: command, outcome: outcome, attempt: Int(clamping: attempt), retryAfterMilliseconds: retryAfter,
            body: .object(try message.jsonObject()))
    }
}
