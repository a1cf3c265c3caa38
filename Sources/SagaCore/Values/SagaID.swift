/// The id of a saga: 41 bits of milliseconds since 2024-01-01, 13 bits of shard, 10 bits of sequence.
///
/// Ids sort by time. The text is 13 characters of Crockford base 32, which sort the same way.
public struct SagaID: RawRepresentable, Sendable, Hashable, Comparable, CustomStringConvertible {
    public let rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// 2024-01-01T00:00:00Z, in milliseconds since the Unix epoch.
    public static let epoch = Timestamp(milliseconds: 1_704_067_200_000)
    public static let milliseconds = 0..<(Int64(1) << 41)
    public static let shards = 0..<8192
    public static let sequences = 0..<1024

    /// - Parameter milliseconds: since 2024-01-01.
    public init(milliseconds: Int64, shard: Int, sequence: Int) {
        precondition(Self.milliseconds.contains(milliseconds), "a saga id holds 41 bits of milliseconds since 2024")
        precondition(Self.shards.contains(shard), "a saga id holds 13 bits of shard")
        precondition(Self.sequences.contains(sequence), "a saga id holds 10 bits of sequence")
        rawValue = UInt64(milliseconds) << 23 | UInt64(shard) << 10 | UInt64(sequence)
    }

    /// An id from its text: 13 characters in either case, `o` for 0, `i` and `l` for 1.
    public init?(_ text: String) {
        var value: UInt64 = 0
        guard text.utf8.count == Self.textLength else { return nil }
        for (index, byte) in text.utf8.enumerated() {
            guard let digit = Self.digit(byte), index > 0 || digit < 16 else { return nil }
            value = value << 5 | digit
        }
        rawValue = value
    }

    /// Since 2024-01-01.
    public var milliseconds: Int64 { Int64(rawValue >> 23) }
    public var shard: Int { Int(rawValue >> 10 & 0x1FFF) }
    public var sequence: Int { Int(rawValue & 0x3FF) }

    /// When the id was made.
    public var timestamp: Timestamp { Self.epoch.adding(milliseconds: milliseconds) }

    public static func < (left: SagaID, right: SagaID) -> Bool { left.rawValue < right.rawValue }

    public var description: String {
        String(unsafeUninitializedCapacity: Self.textLength) { buffer in
            for index in 0..<Self.textLength {
                let shift = UInt64(5 * (Self.textLength - 1 - index))
                buffer[index] = Self.alphabet.utf8Start[Int(rawValue >> shift & 31)]
            }
            return Self.textLength
        }
    }

    private static let textLength = 13
    private static let alphabet: StaticString = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

    private static func digit(_ byte: UInt8) -> UInt64? {
        let upper = byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") ? byte - 0x20 : byte
        switch upper {
        case UInt8(ascii: "O"): return 0
        case UInt8(ascii: "I"), UInt8(ascii: "L"): return 1
        default:
            for value in 0..<32 where alphabet.utf8Start[value] == upper { return UInt64(value) }
            return nil
        }
    }
}
