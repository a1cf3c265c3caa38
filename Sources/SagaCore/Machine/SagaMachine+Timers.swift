// What becomes of a command whose wait is over: this is where a timeout is decided.
extension SagaMachine {
    mutating func handle(_ wake: WakeInput) throws(Refusal) -> Decision.Verdict {
        guard !state.status.isTerminal, !state.isPaused else { return .ignored("no timers run") }
        let before = events.count
        // First, so that what turns back makes no attempt that is due as well.
        try turnBackIfDue()
        for step in state.steps.indices {
            for kind in [CommandID.Kind.action, .compensation, .fence] {
                switch state.steps[step][kind].wait {
                case .reply(let until) where until <= now: try replyIsOverdue(step, kind, wake)
                case .backoff(let until) where until <= now:
                    if PlantedBug.retriesUnderNewID.isPlanted {
                        try emit(.retried(step: step, kind: kind, round: state.steps[step][kind].round + 1))
                    }
                    try send(kind, of: step, closesStep: closesStep(step))
                case .nothing, .reply, .backoff: break
                }
            }
        }
        return events.count > before ? .applied : .ignored("nothing due")
    }

    /// Rule 3: a command that never left, or whose reply could not arrive, is waited for anew and not counted.
    private mutating func replyIsOverdue(_ step: Int, _ kind: CommandID.Kind, _ wake: WakeInput) throws(Refusal) {
        let progress = state.steps[step][kind]
        let timeout = state.definition.steps[step].timeoutMilliseconds
        let id = CommandID(
            saga: state.id, step: state.definition.steps[step].name, kind: kind, round: progress.round)
        if wake.unsent.contains(id), !PlantedBug.outageUsesBudget.isPlanted {
            // One that nobody awaits any more leaves the outbox with this decision.
            let isHeld = wake.held.contains(id) && state.awaits(id)
            let wait = isHeld ? max(timeout, Self.heldMilliseconds) : timeout
            return try emit(.rearmed(step: step, kind: kind, until: now.adding(milliseconds: wait)))
        }
        let afterOutage = wake.connectedSince.adding(milliseconds: timeout)
        if now < afterOutage, !PlantedBug.outageUsesBudget.isPlanted {
            return try emit(.rearmed(step: step, kind: kind, until: afterOutage))
        }
        try attemptSettledNothing(step, kind, error: .timeout, retryAfterMilliseconds: nil)
    }

    /// How long a saga whose command is held back sleeps at a time: its history grows by an event an hour, not by one
    /// for each timeout.
    static let heldMilliseconds: Int64 = 60 * 60 * 1000

    /// A command that was held back leaves: it has its whole timeout from now on.
    mutating func leaves(_ command: CommandID) throws(Refusal) -> Decision.Verdict {
        guard state.awaits(command), let step = state.definition.index(ofStep: command.step) else {
            return .ignored("nobody awaits its reply")
        }
        try emit(.rearmed(step: step, kind: command.kind, until: timeout(of: step)))
        return .applied
    }

    func timeout(of step: Int) -> Timestamp {
        now.adding(milliseconds: state.definition.steps[step].timeoutMilliseconds)
    }

    /// After a timeout or a `retry`: another attempt if the budget allows one, else the step's outcome is unknown.
    mutating func attemptSettledNothing(
        _ step: Int, _ kind: CommandID.Kind, error: StepError, retryAfterMilliseconds: Int64?
    ) throws(Refusal) {
        let definition = state.definition.steps[step]
        let progress = state.steps[step][kind]
        // Rule 5: once the saga goes backward, actions get no further attempt.
        let mayRetry = kind != .action || state.rollback == nil
        let floor = min(retryAfterMilliseconds ?? 0, Self.longestRetryAfterMilliseconds)
        let policy = definition.retryPolicy(of: kind)
        let backoff = max(floor, policy.backoff(afterAttempt: progress.attemptsOfBudget, using: &random))
        let until = now.adding(milliseconds: PlantedBug.pausesForNothing.isPlanted ? 0 : backoff)
        let isWithinBudget =
            if kind == .action, definition.kind == .compensatable {
                progress.attemptsOfBudget < policy.attempts
            } else {
                // While the saga is paused its budgets stand still; the resume postpones them.
                state.pausedAt ?? now < progress.budgetEndsAt ?? now
            }
        if mayRetry, isWithinBudget {
            try emit(.backedOff(step: step, kind: kind, until: until, error: error))
        } else {
            try emit(.unsettled(step: step, kind: kind, error: error))
            try budgetIsUsedUp(step, kind, error: error)
        }
    }

    /// A participant's `retry-after` is a floor, but not beyond five minutes.
    static let longestRetryAfterMilliseconds: Int64 = 5 * 60 * 1000

    private mutating func budgetIsUsedUp(_ step: Int, _ kind: CommandID.Kind, error: StepError) throws(Refusal) {
        switch kind {
        case .action:
            guard state.rollback == nil else { return }
            switch state.definition.steps[step].kind {
            case .compensatable: try rollBack(.attemptsUsedUp, step: step, error: error)
            case .pivot where PlantedBug.compensatesUnknownPivot.isPlanted:
                try rollBack(.attemptsUsedUp, step: step, error: error)
            // `advance` sends the fence.
            case .pivot: break
            case .retriable: try emit(.stuck(step: step, error: error))
            }
        case .compensation: try emit(.stuck(step: step, error: error))
        case .fence:
            if state.steps[step].decision != nil {
                try emit(.decisionLapsed(step: step))
            } else {
                try emit(
                    .stuck(
                        step: step,
                        error: StepError(
                            code: RefusalCode.fenceUnanswered.rawValue,
                            message: "the participant did not say what became of the step")))
            }
        }
    }

    /// A fence with a budget of its own.
    mutating func sendFence(_ step: Int, closesStep: Bool) throws(Refusal) {
        if state.steps[step].fence.wasSent {
            try emit(.retried(step: step, kind: .fence, round: state.steps[step].fence.round + 1))
        }
        try send(.fence, of: step, closesStep: closesStep)
    }

    private func closesStep(_ step: Int) -> Bool {
        guard let decision = state.steps[step].decision else { return false }
        return decision.closesStep
    }
}

extension PendingDecision {
    /// `resolve failed` leaves the compensation open: it is still sent.
    var closesStep: Bool { claim != .failed }
}
