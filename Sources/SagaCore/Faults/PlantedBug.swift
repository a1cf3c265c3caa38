/// A mistake that a test switches on, to see that the simulator notices it.
///
/// A harness that has never caught anything proves nothing. Release builds know no planted bug: there
/// ``PlantedBug/isPlanted`` is false and its branch is left out.
package enum PlantedBug: String, CaseIterable, Sendable {
    // The worker.
    case acknowledgesBeforeCommit = "acknowledges before the commit"
    case publishesBeforeCommit = "publishes before the commit"
    case removesRowBeforeConfirm = "removes the outbox row before the confirm"
    case takesReturnedForDelivered = "takes a returned message for delivered"
    case forgetsTimersOnRestart = "forgets timers on restart"
    case outageUsesBudget = "an outage uses up a budget"
    case cachesBeforeCommit = "changes its cache before the commit"
    case forgetsBusinessKeys = "forgets business keys"

    // The machine.
    case leavesUnknownStep = "an unknown step is not compensated"
    case dropsStepBackingOff = "a step backing off is dropped"
    case compensatesUnknownPivot = "an unknown pivot is compensated"
    case deadlineAfterPivot = "the deadline acts after the point of no return"
    case cancelAfterPivot = "a cancel acts after the point of no return"
    case failureAfterPivotCompensates = "a failure after the pivot compensates"
    case compensatesForward = "compensates in forward order"
    case compensatesUnderActionID = "compensates under the id of the action"
    case lateSuccessRevives = "a late success revives a compensated saga"
    case retriesUnderNewID = "retries under a new id while unknown"
    case resolvesWithoutFence = "resolves without a fence"
    case sendsWhilePaused = "sends while paused"

    // The participant.
    case hasNoBarrier = "has no barrier"
    case barrierOutsideTransaction = "keeps the barrier outside the transaction"
    case laysNoTombstone = "lays no tombstone"
    case keepsRetry = "the barrier keeps retry"
    case forgetsFailed = "the barrier does not keep failed"
    case fenceClosesNothing = "a fence closes nothing"
    case takesSilenceForRefusal = "takes an unanswered gateway call for settled"
    case callsUnderNewKey = "repeats a gateway call under a new key"

    /// The one that is switched on in this task or thread.
    @TaskLocal package static var active: PlantedBug?

    package var isPlanted: Bool {
        #if DEBUG
            Self.active == self
        #else
            false
        #endif
    }
}
