import SagaCore

/// A caller's wish to start a saga.
public struct StartRequest: Sendable, Hashable {
    public var requestID: String
    public var definition: String
    /// Without one the highest version loaded is used.
    public var version: Int?
    /// The compensated or abandoned saga this one succeeds (rule 22).
    public var again: SagaID?
    public var replyTo: String?
    public var traceparent: String?
    public var input: JSONValue

    public init(
        requestID: String, definition: String, version: Int? = nil, again: SagaID? = nil, replyTo: String? = nil,
        traceparent: String? = nil, input: JSONValue
    ) {
        self.requestID = requestID
        self.definition = definition
        self.version = version
        self.again = again
        self.replyTo = replyTo
        self.traceparent = traceparent
        self.input = input
    }

    public func message(shard: Int) -> Message {
        var headers: [(name: String, value: HeaderValue)] = []
        if let version { headers.append((WireHeader.version, .int(Int64(version)))) }
        if let again { headers.append((WireHeader.again, .string(again.description))) }
        if let traceparent { headers.append((WireHeader.traceparent, .string(traceparent))) }
        return Message(
            exchange: SkaldNames.starts, routingKey: "\(shard)",
            properties: MessageProperties(
                messageID: requestID, type: definition, replyTo: replyTo, headers: headers),
            body: input.encoded, isMandatory: true)
    }

    public static func decode(_ message: Message) throws(Refusal) -> StartRequest {
        let properties = message.properties
        let requestID = try properties.requiredMessageID()
        let definition = try properties.requiredType()
        let version = try properties.integerHeader(WireHeader.version)
        var again: SagaID?
        if let text = try properties.textHeader(WireHeader.again) {
            guard let saga = SagaID(text) else {
                throw Refusal(
                    code: .idFormat, path: "headers.\(WireHeader.again)", message: "must be the old saga's id")
            }
            again = saga
        }
        return StartRequest(
            requestID: requestID, definition: definition, version: version.map { Int(clamping: $0) }, again: again,
            replyTo: properties.replyAddress, traceparent: properties.traceparent,
            input: .object(try message.jsonObject()))
    }
}
