/// A named place in worker or participant where a process may be made to die, to see what survives it.
package enum CrashPoint: String, CaseIterable, Sendable {
    /// A batch has been decided and written, its transaction is still open (F1).
    case workerBeforeCommit = "worker-before-commit"
    /// Committed; its inputs are not acknowledged (F2).
    case workerAfterCommit = "worker-after-commit"
    /// Acknowledged; what it causes is not published (F2).
    case workerAfterAcknowledging = "worker-after-acknowledging"
    /// Published; the broker's confirm is still to come (F3).
    case workerAfterPublishing = "worker-after-publishing"
    /// Confirmed; the row is still in the outbox (F3).
    case workerAfterConfirm = "worker-after-confirm"
    /// Effects and barrier rows are written, their transaction is still open (F1).
    case participantBeforeCommit = "participant-before-commit"
    /// Committed; no reply is published (F2).
    case participantAfterCommit = "participant-after-commit"
    /// The replies are published; their confirms are still to come (F3).
    case participantAfterPublishing = "participant-after-publishing"
    /// The replies are confirmed; the commands are not acknowledged (F3).
    case participantAfterConfirm = "participant-after-confirm"
    /// `started` is committed; the call to the outside has not gone out.
    case participantBeforeCall = "participant-before-call"
    /// The other side has done it; the answer is not written down.
    case participantAfterCall = "participant-after-call"
}

/// What happens at crash points: nothing, unless a harness has a say.
package struct CrashPoints: Sendable {
    package static let none = CrashPoints(reach: nil)

    private let reach: (@Sendable (CrashPoint) -> Void)?

    private init(reach: (@Sendable (CrashPoint) -> Void)?) { self.reach = reach }

    /// - Parameter reach: called at every point, on the thread that has come to it; it may end the process.
    package init(_ reach: @escaping @Sendable (CrashPoint) -> Void) { self.reach = reach }

    package func reached(_ point: CrashPoint) { reach?(point) }
}
