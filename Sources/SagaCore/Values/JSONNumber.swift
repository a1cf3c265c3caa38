/// A JSON number that keeps the text it was written with.
///
/// Equality compares the text: `1` and `1.0` differ. `JSONValue.canonical` compares by exact value.
public struct JSONNumber: Sendable, Hashable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// Every text that is the plain decimal form of an `Int64` is stored as `integer`, so equal texts are equal values.
    enum Storage: Sendable, Hashable {
        case integer(Int64)
        case text(String)
    }

    let storage: Storage

    public init(_ value: Int64) {
        storage = .integer(value)
    }

    public init(integerLiteral value: Int64) {
        storage = .integer(value)
    }

    /// A number from its JSON spelling; nil where JSON, or this parser's range, does not allow it.
    public init?(literal: String) {
        guard let value = try? JSONValue.parse(literal), case .number(let number) = value,
            number.literal.utf8.count == literal.utf8.count
        else { return nil }
        self = number
    }

    init(storage: Storage) {
        self.storage = storage
    }

    /// The number exactly as written.
    public var literal: String {
        switch storage {
        case .integer(let value): String(value)
        case .text(let text): text
        }
    }

    /// The value of an integer literal without fraction and exponent, where it fits.
    public var int64: Int64? {
        switch storage {
        case .integer(let value): value
        case .text(let text): Int64(text)
        }
    }

    public var description: String { literal }
}
