/// What becomes of a step when the saga cannot go on.
package enum StepKind: String, Sendable, Hashable, CaseIterable {
    /// Can be undone by its compensation.
    case compensatable
    /// The point of no return; a definition has at most one.
    case pivot
    /// Cannot be undone and must in the end succeed.
    case retriable
}

/// How a step is undone.
package enum Compensation: Sendable, Hashable {
    /// The command that undoes the action, e.g. `inventory.release`.
    case command(String)
    /// The step's effect may stay, also when it appears late; always so for pivots and retriable steps.
    case none
}

/// One unit of a saga: an action and, where it can be undone, a compensation, both sent to one participant.
package struct StepDefinition: Sendable, Hashable {
    package static let defaultTimeoutMilliseconds: Int64 = 30_000

    package let name: String
    package let participant: String
    package let kind: StepKind
    package let action: String
    package let compensation: Compensation
    /// The steps this one waits for directly; without `after` in the file that is the step before it.
    package let after: StepSet
    /// The body of the action (`with` in the file), always an object when rendered.
    package let input: Template
    /// How long one attempt, of the action or of the compensation, waits for its reply.
    package let timeoutMilliseconds: Int64
    /// How the action is repeated.
    package let retry: RetryPolicy
    /// How the compensation is repeated: as the action, but with the longer default for the greatest backoff.
    package let compensationRetry: RetryPolicy

    package init(
        name: String,
        participant: String,
        kind: StepKind = .compensatable,
        action: String,
        compensation: Compensation = .none,
        after: StepSet = [],
        input: Template = .literal(.object(JSONObject())),
        timeoutMilliseconds: Int64 = StepDefinition.defaultTimeoutMilliseconds,
        retry: RetryPolicy = RetryPolicy(),
        compensationRetry: RetryPolicy? = nil
    ) {
        self.name = name
        self.participant = participant
        self.kind = kind
        self.action = action
        self.compensation = compensation
        self.after = after
        self.input = input
        self.timeoutMilliseconds = timeoutMilliseconds
        self.retry = retry
        self.compensationRetry = compensationRetry ?? retry
    }
}
