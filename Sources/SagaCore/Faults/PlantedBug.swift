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
    case dropsWhatComesAgain = "drops what is delivered again"
    case succeedsCompleted = "starts a successor of a completed saga"
    case announcesWrongly = "announces the wrong end"
    case leavesReplacedRow = "leaves the row of an earlier attempt in the outbox"
    case usesRowsAgain = "uses the numbers of outbox rows again"
    case clockFollowsWall = "takes its time from a wall clock that was set back"
    case trustsFailedCommit = "takes a commit that reported an error for undone"
    case forgetsConfirmedSingly = "forgets confirmed rows when inputs run singly"
    case returnedHasNotLeft = "waits for ever for a command that no queue takes"
    case takesSlowForSilent = "takes a participant for silent after one timeout"
    case neverTakesForBack = "never takes a participant for back"
    case keepsHeldForNobody = "keeps held commands that nobody awaits"
    case letsInOneByOne = "lets a participant that is back in one command at a time"
    case losesHeldOnRestart = "loses held commands on restart"
    case forgetsToPublishLater = "never publishes what had to wait for its turn"
    case firesBeforeDrained = "fires timers before the waiting replies are read"
    case forgetsEarlierStarts = "calls the start of a saga whose successor has other input a conflict"
    case succeedsEarlier = "starts a successor of a saga that has one"
    case forgetsPruned = "takes a saga that has been pruned for none"
    case prunesEarly = "prunes before it is time"
    case losesTrace = "does not hand on the trace"

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
    case forgetsOutput = "compensates without the output"
    case renewsBudget = "renews a budget with each attempt"
    case pausesForNothing = "asks again without a pause"
    case forgetsDeadline = "forgets the deadline"
    case forgetsCancel = "forgets a cancel that it promised"
    case forgetsAnswers = "forgets the answers to requests"
    case heedsEarlierRound = "heeds the refusal of an earlier round"
    case leavesOutputUnchecked = "does not check outputs"
    case goesOnOverContradiction = "goes on over a success that comes too late to be undone"
    case countsThePause = "a pause uses up budgets"
    case decidesOverFence = "an operator's word counts against a fence that found an effect"

    // The participant.
    case hasNoBarrier = "has no barrier"
    case barrierOutsideTransaction = "keeps the barrier outside the transaction"
    case laysNoTombstone = "lays no tombstone"
    case keepsRetry = "the barrier keeps retry"
    case forgetsFailed = "the barrier does not keep failed"
    case fenceClosesNothing = "a fence closes nothing"
    case takesSilenceForRefusal = "takes an unanswered gateway call for settled"
    case callsUnderNewKey = "repeats a gateway call under a new key"
    case ignoresTombstone = "lets an action through its tombstone"
    case recordsNoEmptyCompensation = "keeps no record of an empty compensation"
    case keepsWhatFailed = "keeps what a handler has written that fails"
    case dropsUnsettledCall = "does not repeat a call that is not settled"
    case acknowledgesBeforeConfirm = "acknowledges a command before its reply is confirmed"
    case forgetsEarly = "forgets its records after a week"

    // The order services.
    case forgetsLines = "forgets a line of the same article"
    case oversells = "does not look whether there is enough"
    case refusesTheLastOne = "takes the last one for missing"
    case returnsFirstSale = "returns an order's first sale, not the one that stands"

    // The embedded broker.
    case queueLosesReturned = "loses what is given back to a queue"
    case queueForgetsDelivery = "does not say that a message comes again"

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
