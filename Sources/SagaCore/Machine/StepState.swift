/// A code and a sentence: why an attempt or a step did not succeed.
package struct StepError: Sendable, Hashable {
    package let code: String
    package let message: String

    package init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    /// No reply came in time.
    package static let timeout = StepError(code: "TIMEOUT", message: "no reply in time")
}

/// How far one command of a step (its action, compensation or fence) has come.
package struct CommandProgress: Sendable, Hashable {
    /// What the command waits for.
    package enum Wait: Sendable, Hashable {
        case nothing
        /// A reply, until this time.
        case reply(until: Timestamp)
        /// The next attempt, at this time.
        case backoff(until: Timestamp)
    }

    package var round = 1
    /// Attempts sent in this round.
    package var attempt = 0
    /// Attempts of this round that belong to a budget an operator has renewed since.
    package var attemptsBeforeBudget = 0
    /// When the budget of a command with a duration ends; set with the budget's first attempt.
    package var budgetEndsAt: Timestamp?
    package var wait = Wait.nothing
    /// The round was answered `failed`: asking again takes a new round.
    package var isRefused = false
    package var error: StepError?

    package var wasSent: Bool { attempt > 0 || round > 1 }
    package var isInFlight: Bool {
        if case .reply = wait { true } else { false }
    }
    package var isBackingOff: Bool {
        if case .backoff = wait { true } else { false }
    }
    package var isWaiting: Bool { wait != .nothing }
    package var attemptsOfBudget: Int { attempt - attemptsBeforeBudget }

    /// When this command next needs attention by itself.
    package var wakeAt: Timestamp? { wait.end }
}

extension CommandProgress.Wait {
    /// Until when; nil where nothing is waited for.
    package var end: Timestamp? {
        switch self {
        case .nothing: nil
        case .reply(let until), .backoff(let until): until
        }
    }
}

/// What an operator has decided about a stuck step; takes effect when the participant has answered the fence.
package struct PendingDecision: Sendable, Hashable {
    package enum Claim: String, Sendable, Hashable {
        case skip
        case succeeded
        case failed
    }
    package let claim: Claim
    package let output: JSONValue?
    package let requestID: String
}

/// The state of one step of a saga.
package struct StepState: Sendable, Hashable {
    package var status = StepStatus.pending
    package var action = CommandProgress()
    package var compensation = CommandProgress()
    package var fence = CommandProgress()
    package var output: JSONValue?
    /// Why this step needs an operator.
    package var problem: StepError?
    package var decision: PendingDecision?
    /// Kinds whose first late reply is in the history already.
    package var lateReplies: Set<CommandID.Kind> = []

    package subscript(kind: CommandID.Kind) -> CommandProgress {
        get {
            switch kind {
            case .action: action
            case .compensation: compensation
            case .fence: fence
            }
        }
        set {
            switch kind {
            case .action: action = newValue
            case .compensation: compensation = newValue
            case .fence: fence = newValue
            }
        }
    }

    /// What the command of this kind waits for: cheaper than the whole of its progress.
    package func wait(of kind: CommandID.Kind) -> CommandProgress.Wait {
        switch kind {
        case .action: action.wait
        case .compensation: compensation.wait
        case .fence: fence.wait
        }
    }

    /// The step counts as done for the steps that wait for it.
    package var isDone: Bool { status == .succeeded || status == .skipped }
}
