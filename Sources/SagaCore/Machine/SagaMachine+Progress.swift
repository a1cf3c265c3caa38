// How far a saga goes by itself after an input: which commands are sent next, and when it has ended.
extension SagaMachine {
    mutating func advance() throws(Refusal) {
        guard !state.status.isTerminal else { return }
        if state.status == .stuck, !state.hasProblem { try emit(.proceeded) }
        guard state.status != .stuck else { return }
        if state.rollback == nil { try advanceForward() }
        if state.rollback != nil { try advanceBackward() }
    }

    private mutating func advanceForward() throws(Refusal) {
        // A cancel that waits for the resume has been promised: the last reply does not complete the saga.
        if state.steps.allSatisfy(\.isDone), !state.isCancelRequested { return try emit(.completed) }
        guard !state.isPaused || PlantedBug.sendsWhilePaused.isPlanted else { return }
        try turnBackIfDue()
        guard state.rollback == nil else { return }
        try fenceUnknownPivot()
        let done = StepSet(state.steps.indices.filter { state.steps[$0].isDone })
        for index in state.steps.indices
        where state.steps[index].status == .pending && state.definition.steps[index].after.isSubset(of: done) {
            try send(.action, of: index)
        }
    }

    /// Rule 7: a pivot whose budget is used up is settled by a fence.
    private mutating func fenceUnknownPivot() throws(Refusal) {
        guard let pivot = state.definition.pivot, state.steps[pivot].status == .unknown,
            !state.steps[pivot].fence.isWaiting
        else { return }
        try sendFence(pivot, closesStep: false)
    }

    /// Rules 5 and 6: a deadline that has passed, or a cancel that waited for the resume, while there is a way back.
    mutating func turnBackIfDue() throws(Refusal) {
        guard state.status == .running,
            !state.isPastPointOfNoReturn || PlantedBug.deadlineAfterPivot.isPlanted
        else { return }
        if state.isCancelRequested {
            try rollBack(.cancelled)
        } else if let deadline = state.deadlineAt, deadline <= now {
            try rollBack(.deadline)
        }
    }

    /// Rule 5: what is in flight is waited for; then compensations run in reverse dependency order.
    private mutating func advanceBackward() throws(Refusal) {
        guard !state.steps.contains(where: { $0.action.isInFlight }) else { return }
        let toUndo = state.compensationSet
        guard !toUndo.isEmpty else { return try emit(.compensated) }
        guard !state.isPaused else { return }
        let blockers =
            PlantedBug.compensatesForward.isPlanted ? state.definition.ancestors : state.definition.descendants
        for index in toUndo where blockers[index].isDisjoint(with: toUndo) {
            switch state.steps[index].status {
            case .succeeded, .unknown: try send(.compensation, of: index)
            case .pending, .inFlight, .backingOff, .failed, .skipped, .compensating, .compensated, .compensationFailed:
                break
            }
        }
    }

    /// Turns the saga round. Actions in flight get no further attempt and are waited for no longer than their timeout,
    /// those that back off have had their last.
    mutating func rollBack(
        _ reason: Rollback.Reason, step: Int? = nil, error: StepError? = nil
    ) throws(Refusal) {
        try emit(.rollbackStarted(Rollback(reason: reason, step: step, error: error)))
        for index in state.steps.indices where state.steps[index].action.isBackingOff {
            if PlantedBug.dropsStepBackingOff.isPlanted {
                try emit(.failed(step: index, kind: .action, error: .timeout))
                continue
            }
            try emit(.unsettled(step: index, kind: .action, error: state.steps[index].action.error ?? .timeout))
        }
        for index in state.steps.indices {
            // One that was held back may have been given longer.
            guard case .reply(let until) = state.steps[index].action.wait, until > timeout(of: index) else { continue }
            try emit(.rearmed(step: index, kind: .action, until: timeout(of: index)))
        }
    }

    /// Sends the next attempt of a command in its present round.
    mutating func send(_ kind: CommandID.Kind, of step: Int, closesStep: Bool = false) throws(Refusal) {
        let definition = state.definition.steps[step]
        let progress = state.steps[step][kind]
        let hasDuration = kind != .action || definition.kind != .compensatable
        let duration = definition.retryPolicy(of: kind).durationMilliseconds
        try emit(
            .sent(
                SentCommand(
                    step: step, kind: kind, round: progress.round, attempt: progress.attempt + 1,
                    timeoutAt: now.adding(milliseconds: definition.timeoutMilliseconds),
                    budgetEndsAt: hasDuration && (progress.budgetEndsAt == nil || PlantedBug.renewsBudget.isPlanted)
                        ? now.adding(milliseconds: duration) : nil,
                    closesStep: closesStep)))
    }
}

extension StepDefinition {
    /// How a command of this step is repeated; a fence like the action it asks about.
    func retryPolicy(of kind: CommandID.Kind) -> RetryPolicy {
        switch kind {
        case .action, .fence: retry
        case .compensation: compensationRetry
        }
    }
}
