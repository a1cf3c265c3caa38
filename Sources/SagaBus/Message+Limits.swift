extension Message {
    private static let longestShortString = 255
    private static let longestHeaderName = 128
    private static let longestHeaders = 64 << 10

    private static let shortStrings: [(name: String, value: @Sendable (Message) -> String?)] = [
        ("exchange", { $0.exchange }), ("routing key", { $0.routingKey }),
        ("content type", { $0.properties.contentType }), ("message id", { $0.properties.messageID }),
        ("correlation id", { $0.properties.correlationID }), ("type", { $0.properties.type }),
        ("reply address", { $0.properties.replyTo }), ("user id", { $0.properties.userID }),
    ]

    /// Why AMQP cannot carry the message, or nil. Every bus rejects such a message before anything of it is sent.
    ///
    /// Short strings have one byte for their length; headers must fit into one frame.
    package var problem: String? {
        for (name, value) in Self.shortStrings where (value(self)?.utf8.count ?? 0) > Self.longestShortString {
            return "its \(name) is longer than \(Self.longestShortString) bytes"
        }
        var size = 0
        for (name, value) in properties.headers {
            guard name.utf8.count <= Self.longestHeaderName else {
                return "a header's name is longer than \(Self.longestHeaderName) bytes"
            }
            size += name.utf8.count + 16
            if case .string(let text) = value { size += text.utf8.count }
        }
        return size > Self.longestHeaders ? "its headers are larger than \(Self.longestHeaders) bytes" : nil
    }
}
