/// What a participant says of an attempt.
public enum Outcome: String, Sendable, Hashable, CaseIterable {
    /// The effect is there.
    case succeeded
    /// A definite refusal that left no effect; asking again would not help.
    case failed
    /// Not settled: ask again with the same id.
    case retry
}
