/// What can happen to a running saga.
package enum SagaInput: Sendable, Hashable {
    case reply(ReplyInput)
    case wake(WakeInput)
    /// A command that was held back is published now, so the wait for its reply begins.
    case leaves(CommandID)
    case request(OperatorRequest)
    /// The engine could not apply an input to this saga (rule 26).
    case fault(Refusal)
}

/// A participant's answer to a command of this saga.
package struct ReplyInput: Sendable, Hashable {
    package let command: CommandID
    package let attempt: Int
    package let outcome: Outcome
    package let retryAfterMilliseconds: Int64?
    /// The output if it succeeded, else code and message.
    package let body: JSONValue

    package init(
        command: CommandID, attempt: Int, outcome: Outcome, retryAfterMilliseconds: Int64? = nil, body: JSONValue = [:]
    ) {
        self.command = command
        self.attempt = attempt
        self.outcome = outcome
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.body = body
    }

    var error: StepError {
        StepError(
            code: body["code"]?.string ?? RefusalCode.unspecified.rawValue, message: body["message"]?.string ?? "")
    }
}

/// Time has passed.
package struct WakeInput: Sendable, Hashable {
    /// Commands of this saga that are still in the outbox: they never left, so their time does not count.
    package let unsent: Set<CommandID>
    /// Those of them that are held back, since their participant does not answer: they are told of when they leave, and
    /// looked at but seldom until then.
    package let held: Set<CommandID>
    /// Since when replies could arrive: a wait that was due during an outage begins again from here.
    package let connectedSince: Timestamp

    package init(
        unsent: Set<CommandID> = [], held: Set<CommandID> = [],
        connectedSince: Timestamp = Timestamp(milliseconds: 0)
    ) {
        self.unsent = unsent
        self.held = held
        self.connectedSince = connectedSince
    }
}
