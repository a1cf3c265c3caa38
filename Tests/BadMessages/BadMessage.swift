import SagaBus

/// A valid message with something wrong: a row of the table of bad input, for the doors that messages come through.
package struct BadMessage: Sendable, CustomStringConvertible {
    package let name: String
    package let code: String
    /// The field the refusal names.
    package let path: String
    /// What the refusal says was expected, or is known, beside the path.
    package let says: String
    package let change: @Sendable (inout Message) -> Void

    package init(
        _ name: String, _ code: String, at path: String, says: String = "",
        _ change: @escaping @Sendable (inout Message) -> Void
    ) {
        self.name = name
        self.code = code
        self.path = path
        self.says = says
        self.change = change
    }

    package init(body: String, _ code: String, at path: String, says: String = "") {
        let name = body.unicodeScalars.prefix(48).map { $0.escaped(asASCII: true) }.joined()
        self.init(name, code, at: path, says: says) { $0.body = Array(body.utf8) }
    }

    package var description: String { "\(name) is \(code) at \(path.isEmpty ? "the body" : path)" }

    /// Stands in every row that has a place for it. No refusal repeats it.
    package static let secret = "s3cret"
}

extension Message {
    package mutating func setHeader(_ name: String, _ value: HeaderValue) {
        properties.headers.removeAll { $0.name == name }
        properties.headers.append((name, value))
    }
}

// MARK: - Rows that are the same at every door

extension BadMessage {
    /// No door takes these bodies; the refusal says line and column.
    package static let bodies: [BadMessage] = [
        BadMessage(body: "{order: s3cret}", "JSON_SYNTAX", at: "", says: "line 1 column 2"),
        BadMessage(body: "{\n \"order\": \"s3cret\",}", "JSON_SYNTAX", at: "", says: "line 2 column 20"),
        BadMessage(body: #"{"order": "s3cret"} {"#, "JSON_SYNTAX", at: "", says: "line 1 column 21"),
        BadMessage(body: #"{"order": "s3cret""#, "JSON_SYNTAX", at: "", says: "line 1 column 19"),
        BadMessage(body: #"{"s3cret": "1", "s3cret": "2"}"#, "JSON_DUPLICATE_KEY", at: "", says: "line 1 column 17"),
        BadMessage(body: "\u{FEFF}{}", "JSON_ENCODING", at: "", says: "line 1 column 1"),
        BadMessage("UTF-16", "JSON_ENCODING", at: "", says: "line 1 column 1") {
            $0.body = [0xFF, 0xFE] + Array(#"{"order":"s3cret"}"#.utf8).flatMap { [$0, 0] }
        },
        BadMessage("UTF-16 without a byte order mark", "JSON_ENCODING", at: "", says: "line 1 column 1") {
            $0.body = Array(#"{"order":"s3cret"}"#.utf8).flatMap { [$0, 0] }
        },
        BadMessage("invalid UTF-8", "JSON_ENCODING", at: "", says: "line 1 column 12") {
            $0.body = Array(#"{"order":"x"#.utf8) + [0xFF] + Array(#""}"#.utf8)
        },
        BadMessage(body: #"{"order": "\ud800s3cret"}"#, "JSON_ENCODING", at: "", says: "line 1 column 12"),
        BadMessage(body: #"{"order": "s3cret\u0000"}"#, "JSON_ENCODING", at: "", says: "line 1 column 18"),
        BadMessage(
            body: String(repeating: "[", count: 40) + "1" + String(repeating: "]", count: 40), "JSON_DEPTH", at: "",
            says: "line 1 column 3"),
        BadMessage(body: #"{"order": NaN}"#, "JSON_NUMBER", at: "", says: "line 1 column 11"),
        BadMessage(body: #"{"order": 1e400}"#, "JSON_NUMBER", at: "", says: "line 1 column 11"),
        BadMessage(body: #"["s3cret"]"#, "FIELD_TYPE", at: "", says: "must be a JSON object"),
        BadMessage(body: "null", "FIELD_TYPE", at: "", says: "must be a JSON object"),
    ]

    /// A body of more than so many KiB.
    package static func tooLarge(kibibytes: Int, says: String = "") -> BadMessage {
        BadMessage("more than \(kibibytes) KiB", "MESSAGE_TOO_LARGE", at: "", says: says) {
            $0.body = Array(#"{"order":"\#(String(repeating: "x", count: kibibytes << 10))"}"#.utf8)
        }
    }

    /// What is wrong with an id is the same for all of them.
    package static func ids(
        _ property: String, _ id: any WritableKeyPath<MessageProperties, String?> & Sendable
    ) -> [BadMessage] {
        [
            BadMessage("no \(property)", "MISSING_ID", at: property, says: "is required") {
                $0.properties[keyPath: id] = nil
            },
            BadMessage("an empty \(property)", "MISSING_ID", at: property, says: "is required") {
                $0.properties[keyPath: id] = ""
            },
        ]
            + [
                ("of 256 bytes", String(repeating: "i", count: 256)), ("with a line feed", "s3cret\nb"),
                ("with U+0000", "s3cret\0"), ("with an escape sequence", "s3cret\u{1b}[2J"),
            ].map { what, text in
                BadMessage("a \(property) \(what)", "ID_FORMAT", at: property) { $0.properties[keyPath: id] = text }
            }
    }
}
