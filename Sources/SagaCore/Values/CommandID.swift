/// The id of a command, its idempotency key: `<saga>/<step>/<action|compensation|fence>/<round>`.
///
/// All attempts of a round share it; rounds count from 1.
public struct CommandID: Sendable, Hashable, CustomStringConvertible {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case action, compensation, fence
    }

    public let saga: SagaID
    public let step: String
    public let kind: Kind
    public let round: Int

    public init(saga: SagaID, step: String, kind: Kind, round: Int) {
        self.saga = saga
        self.step = step
        self.kind = kind
        self.round = round
    }

    /// An id from its text, only where it is spelled exactly as `description` spells it.
    public init?(_ text: String) {
        var text = text
        guard let id = text.withUTF8({ Self.parse($0) }) else { return nil }
        self = id
    }

    private static func parse(_ text: UnsafeBufferPointer<UInt8>) -> CommandID? {
        var rest = text[...]
        func part() -> Slice<UnsafeBufferPointer<UInt8>> {
            let part = rest.prefix { $0 != UInt8(ascii: "/") }
            rest = rest[part.endIndex...].dropFirst()
            return part
        }
        let (sagaText, step, kindText, roundText) = (part(), part(), part(), part())
        guard let saga = SagaID(sagaText), saga.isSpelled(sagaText), Name.isValid(step),
            let kind = Kind(kindText), let round = self.round(roundText), roundText.endIndex == text.endIndex
        else { return nil }
        return CommandID(saga: saga, step: String(decoding: step, as: UTF8.self), kind: kind, round: round)
    }

    /// A round from 1 to 999,999,999 without leading zeros.
    private static func round(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
        guard let first = text.first, first != UInt8(ascii: "0"), text.count <= 9,
            text.allSatisfy(\.isASCIIDigit)
        else { return nil }
        return text.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    public var description: String {
        var text = ByteWriter(capacity: 64)
        text.append(text: saga.description)
        text.append(UInt8(ascii: "/"))
        text.append(text: step)
        text.append(UInt8(ascii: "/"))
        text.append(text: kind.rawValue)
        text.append(UInt8(ascii: "/"))
        text.append(number: Int64(round))
        return text.text
    }
}

extension CommandID.Kind {
    fileprivate init?(_ text: Slice<UnsafeBufferPointer<UInt8>>) {
        guard let kind = Self.allCases.first(where: { $0.rawValue.utf8.elementsEqual(text) }) else { return nil }
        self = kind
    }
}
