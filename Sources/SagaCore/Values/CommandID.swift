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
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 4, let saga = SagaID(String(Substring(parts[0]))), Name.isValid(parts[1]),
            let kind = Kind(rawValue: String(Substring(parts[2]))),
            let round = Int(String(Substring(parts[3]))), round > 0
        else { return nil }
        self.init(saga: saga, step: String(Substring(parts[1])), kind: kind, round: round)
        guard description.utf8.elementsEqual(text.utf8) else { return nil }
    }

    public var description: String { "\(saga)/\(step)/\(kind.rawValue)/\(round)" }
}
