/// Why something from outside was not accepted: a stable code, the field, and what was expected there.
///
/// A refusal reaches senders, logs and dead letters, so its message never repeats what was sent.
public struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
    public let code: RefusalCode
    /// The field, like `lines[2].quantity`; empty for the whole.
    public let path: String
    /// What was expected.
    public let message: String

    public init(code: RefusalCode, path: String = "", message: String) {
        self.code = code
        self.path = path
        self.message = message
    }

    public var description: String {
        path.isEmpty ? "\(code): \(message)" : "\(code): \(path): \(message)"
    }
}
