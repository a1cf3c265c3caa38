extension SagaDefinition {
    package static let longestKeyBytes = 200

    /// The business key of a saga with this input: a string or an integer, not empty, at most 200 bytes of text.
    package func businessKey(of input: JSONValue) throws(Refusal) -> String {
        let value = try key.render(input: input) { _ in nil }
        let text: String
        switch value {
        case .string(let string): text = string
        case .number(let number) where number.int64 != nil: text = number.literal
        case .null, .bool, .number, .array, .object:
            throw Refusal(
                code: .keyFormat, path: "key", message: "the business key must be a text or an integer of 64 bits")
        }
        guard (1...Self.longestKeyBytes).contains(text.utf8.count) else {
            throw Refusal(
                code: .keyFormat, path: "key", message: "the business key must be 1 to \(Self.longestKeyBytes) bytes")
        }
        return text
    }
}
