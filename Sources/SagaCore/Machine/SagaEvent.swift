/// Something that has happened to a saga. Everything drawn or decided is in it, so that folding a history evaluates no
/// policy. Steps are meant by their index in the definition.
package enum SagaEvent: Sendable, Hashable {
    case started(SagaStart)
    /// A command was committed to the outbox.
    case sent(SentCommand)
    /// The attempt settled nothing; the next one goes out at `until`.
    case backedOff(step: Int, kind: CommandID.Kind, until: Timestamp, error: StepError)
    /// The wait for a reply was prolonged: the command had not left, or the broker had been away.
    case rearmed(step: Int, kind: CommandID.Kind, until: Timestamp)
    /// The effect of the action or the compensation is there.
    /// - contradicts: an earlier reply had said `failed`.
    case succeeded(step: Int, kind: CommandID.Kind, output: JSONValue?, contradicts: Bool)
    /// Refused; no effect was left.
    case failed(step: Int, kind: CommandID.Kind, error: StepError)
    /// The budget is used up, or the saga goes backward, and nobody knows what became of the command.
    case unsettled(step: Int, kind: CommandID.Kind, error: StepError)
    case rollbackStarted(Rollback)
    /// The saga (or one step of it) needs an operator.
    case stuck(step: Int?, error: StepError)
    /// Nothing stuck remains: the saga goes on.
    case proceeded
    /// An operator renewed the budget; the command goes out again in this round.
    case retried(step: Int, kind: CommandID.Kind, round: Int)
    /// An operator's skip or resolve waits for the participant's answer to a fence.
    case decisionPending(step: Int, PendingDecision)
    /// The fence was not answered in its budget: the operator's decision is void.
    case decisionLapsed(step: Int)
    /// An operator said what became of it, or passed over it, and the participant's barrier is closed.
    case resolved(step: Int, kind: CommandID.Kind, PendingDecision.Claim, output: JSONValue?)
    case paused
    /// - pausedMilliseconds: budgets and deadlines of commands that waited are this much later.
    case resumed(pausedMilliseconds: Int64)
    case cancelRequested
    /// An operator's request and the answer it got.
    case requested(OperatorRequest, OperatorAnswer)
    /// A reply that came too late to change anything, the first of its command.
    case noted(step: Int, kind: CommandID.Kind, outcome: Outcome)
    case completed
    case compensated
    /// - certain: steps whose effect stays. possible: commands sent and never settled.
    case abandoned(reason: String, certain: StepSet, possible: StepSet)
}

/// The first event of every saga.
package struct SagaStart: Sendable, Hashable {
    package let requestID: String
    package let key: String
    package let input: JSONValue
    package let deadlineAt: Timestamp?
    /// The saga this one succeeds.
    package let again: SagaID?
    package let traceparent: String?
}

/// A command as it was committed.
package struct SentCommand: Sendable, Hashable {
    package let step: Int
    package let kind: CommandID.Kind
    package let round: Int
    package let attempt: Int
    /// When its reply is overdue.
    package let timeoutAt: Timestamp
    /// With the first attempt of a budget that is a duration.
    package let budgetEndsAt: Timestamp?
    /// With a fence: whether the compensation is closed too.
    package let closesStep: Bool
}
