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
        self.init(text.utf8)
    }

    init?(_ text: some Collection<UInt8>) {
        guard text.count == Self.textLength else { return nil }
        var value: UInt64 = 0
        for byte in text {
            guard let digit = Self.digit(byte), value >> 59 == 0 else { return nil }
            value = value << 5 | digit
        }
        rawValue = value
    }

    /// Whether `text` is exactly what `description` gives.
    func isSpelled(_ text: some Collection<UInt8>) -> Bool {
        description.utf8.elementsEqual(text)
    }

    /// Since 2024-01-01.
    public var milliseconds: Int64 { Int64(rawValue >> 23) }
    public var shard: Int { Int(rawValue >> 10 & 0x1FFF) }
    public var sequence: Int { Int(rawValue & 0x3FF) }

    /// No saga begun at or after this time has a smaller id.
    package static func first(at time: Timestamp) -> SagaID {
        SagaID(milliseconds: min(max(0, time - epoch), milliseconds.upperBound - 1), shard: 0, sequence: 0)
    }

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
        return switch upper {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(upper - UInt8(ascii: "0"))
        case UInt8(ascii: "A")...UInt8(ascii: "H"): UInt64(upper - UInt8(ascii: "A") + 10)
        case UInt8(ascii: "J"), UInt8(ascii: "K"): UInt64(upper - UInt8(ascii: "J") + 18)
        case UInt8(ascii: "M"), UInt8(ascii: "N"): UInt64(upper - UInt8(ascii: "M") + 20)
        case UInt8(ascii: "P")...UInt8(ascii: "T"): UInt64(upper - UInt8(ascii: "P") + 22)
        case UInt8(ascii: "V")...UInt8(ascii: "Z"): UInt64(upper - UInt8(ascii: "V") + 27)
        case UInt8(ascii: "O"): 0
        case UInt8(ascii: "I"), UInt8(ascii: "L"): 1
        default: nil
        }
    }
}
