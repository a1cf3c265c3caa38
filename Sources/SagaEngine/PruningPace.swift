import SagaCore
import SagaStore

/// When the loop removes the next piece of what was over long ago, and how far it has come.
///
/// It walks over the sagas from the oldest on, a piece every 100 ms, and begins anew an hour after it was through.
struct PruningPace {
    let ageMilliseconds: Int64
    private(set) var after: SagaID?
    private(set) var next: Timestamp
    /// What this walk has removed.
    private var total = PrunedPiece()

    init(age: Duration, from now: Timestamp) {
        ageMilliseconds = Int64(age / .milliseconds(1))
        next = now
    }

    /// A piece waits until there is nothing else to do, but not for ever where there always is.
    func isDue(_ now: Timestamp, isIdle: Bool) -> Bool {
        now >= next.adding(milliseconds: isIdle ? 0 : Self.longestWaitMilliseconds)
    }

    /// - Returns: what the walk has removed, when it is at its end.
    mutating func removed(_ piece: PrunedPiece, at now: Timestamp) -> PrunedPiece? {
        total.sagas += piece.sagas
        total.deadLetters += piece.deadLetters
        total.answers += piece.answers
        after = piece.after
        next = now.adding(milliseconds: piece.hasMore ? Self.pauseMilliseconds : restMilliseconds)
        guard !piece.hasMore else { return nil }
        defer { total = PrunedPiece() }
        return total
    }

    mutating func failed(at now: Timestamp) {
        after = nil
        next = now.adding(milliseconds: restMilliseconds)
    }

    private var restMilliseconds: Int64 { min(3_600_000, ageMilliseconds) }
    private static let pauseMilliseconds: Int64 = 100
    private static let longestWaitMilliseconds: Int64 = 1000
}
