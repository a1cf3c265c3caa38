/// Why a text is not the JSON we accept, and where; never holds any of the text.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    public let code: RefusalCode
    /// Bytes before the place, from 0.
    public let byteOffset: Int
    /// From 1; lines end at a line feed.
    public let line: Int
    /// From 1, in Unicode scalars.
    public let column: Int
    /// What the parser expected there.
    public let expected: String

    public init(code: RefusalCode, byteOffset: Int, line: Int, column: Int, expected: String) {
        self.code = code
        self.byteOffset = byteOffset
        self.line = line
        self.column = column
        self.expected = expected
    }

    public var description: String {
        "\(code): line \(line), column \(column) (byte \(byteOffset)): expected \(expected)"
    }

    /// The same as a refusal of the field or body at `path`.
    public func refusal(at path: String = "") -> Refusal {
        Refusal(
            code: code, path: path,
            message: "expected \(expected) at line \(line), column \(column) (byte \(byteOffset))")
    }
}
