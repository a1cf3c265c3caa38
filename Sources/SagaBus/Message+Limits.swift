extension Message {
    private static let longestShortString = 255
    private static let longestHeaderName = 128
    private static let longestHeaders = 64 << 10

    /// Why AMQP cannot carry the message, or nil. Every bus rejects such a message before anything of it is sent.
    ///
    /// Short strings have one byte for their length; headers must fit into one frame.
    package var problem: String? {
        let shortStrings: [(String, String?)] = [
            ("exchange", exchange), ("routing key", routingKey), ("content type", properties.contentType),
            ("message id", properties.messageID), ("correlation id", properties.correlationID),
            ("type", properties.type), ("reply address", properties.replyTo), ("user id", properties.userID),
        ]
        for (name, value) in shortStrings where (value?.utf8.count ?? 0) > Self.longestShortString {
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
