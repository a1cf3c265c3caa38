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
        for header in properties.headers {
            guard header.name.utf8.count <= Self.longestHeaderName else {
                return "a header's name is longer than \(Self.longestHeaderName) bytes"
            }
            size += Self.size(of: header)
        }
        return size > Self.longestHeaders ? "its headers are larger than \(Self.longestHeaders) bytes" : nil
    }

    private static func size(of header: (name: String, value: HeaderValue)) -> Int {
        guard case .string(let text) = header.value else { return header.name.utf8.count + 16 }
        return header.name.utf8.count + 16 + text.utf8.count
    }

    /// Cuts texts and leaves out headers, the first ones first, until AMQP can carry the properties.
    ///
    /// A message that came may be too large to go on: each byte that was no UTF-8 has become three, and other clients
    /// send larger headers.
    mutating func cutToLimits() {
        let texts: [WritableKeyPath<MessageProperties, String?>] = [
            \.contentType, \.messageID, \.correlationID, \.type, \.replyTo, \.userID,
        ]
        for text in texts {
            while let value = properties[keyPath: text], value.utf8.count > Self.longestShortString {
                properties[keyPath: text] = String(value.unicodeScalars.dropLast())
            }
        }
        properties.headers.removeAll { $0.name.utf8.count > Self.longestHeaderName }
        var size = properties.headers.reduce(0) { $0 + Self.size(of: $1) }
        while size > Self.longestHeaders { size -= Self.size(of: properties.headers.removeFirst()) }
    }
}
