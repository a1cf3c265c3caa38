extension SagaState {
    /// A saga's state from its history.
    package init(
        id: SagaID, definition: SagaDefinition, folding history: some Sequence<(event: SagaEvent, at: Timestamp)>
    ) {
        self.init(id: id, definition: definition)
        for (event, at) in history { evolve(event, at: at) }
    }

    /// Folds one event into the state. Decides nothing.
    package mutating func evolve(_ event: SagaEvent, at now: Timestamp) {
        sequence += 1
        updatedAt = now
        switch event {
        case .started(let start):
            key = start.key
            input = start.input
            deadlineAt = PlantedBug.forgetsDeadline.isPlanted ? nil : start.deadlineAt
            traceparent = start.traceparent
            startedAt = now
        case .sent(let sent): evolve(sent)
        case .backedOff(let step, let kind, let until, let error):
            steps[step][kind].wait = .backoff(until: until)
            steps[step][kind].error = error
            if kind == .action { steps[step].status = .backingOff }
        case .rearmed(let step, let kind, let until):
            steps[step][kind].wait = .reply(until: until)
        case .succeeded(let step, let kind, let output, _): settle(step, kind, succeededWith: output)
        case .failed(let step, let kind, let error): settle(step, kind, failedWith: error)
        case .unsettled(let step, let kind, let error):
            steps[step][kind].wait = .nothing
            steps[step][kind].error = error
            switch kind {
            case .action: steps[step].status = .unknown
            case .compensation: steps[step].status = .compensationFailed
            case .fence: break
            }
        case .rollbackStarted(let reason):
            rollback = reason
            // What made it stuck still has to be settled.
            if status != .stuck { status = .compensating }
        case .stuck(let step, let error):
            if let step { steps[step].problem = error } else { problem = error }
            status = .stuck
        case .proceeded:
            problem = nil
            status = rollback == nil ? .running : .compensating
        case .retried(let step, let kind, let round): renew(step, kind, round: round)
        case .decisionPending(let step, let decision): steps[step].decision = decision
        case .decisionLapsed(let step):
            steps[step].decision = nil
            steps[step].fence.wait = .nothing
        case .resolved(let step, let kind, let claim, let output):
            resolve(step, kind, claim, output)
        case .paused:
            isPaused = true
            pausedAt = now
        case .resumed(let pausedMilliseconds):
            isPaused = false
            pausedAt = nil
            if !PlantedBug.countsThePause.isPlanted { postponeBudgets(by: pausedMilliseconds) }
        case .cancelRequested: isCancelRequested = !PlantedBug.forgetsCancel.isPlanted
        case .requested where PlantedBug.forgetsAnswers.isPlanted: break
        case .requested(let request, let answer): answers[request.id] = answer
        case .noted(let step, let kind, _): steps[step].lateReplies.insert(kind)
        case .completed: end(.completed, at: now)
        case .compensated: end(.compensated, at: now)
        case .abandoned: end(.abandoned, at: now)
        }
    }

    private mutating func evolve(_ sent: SentCommand) {
        var progress = steps[sent.step][sent.kind]
        progress.round = sent.round
        progress.attempt = sent.attempt
        progress.wait = .reply(until: sent.timeoutAt)
        progress.isRefused = false
        if let end = sent.budgetEndsAt { progress.budgetEndsAt = end }
        steps[sent.step][sent.kind] = progress
        switch sent.kind {
        case .action: steps[sent.step].status = .inFlight
        case .compensation: steps[sent.step].status = .compensating
        case .fence: break
        }
    }

    private mutating func settle(_ step: Int, _ kind: CommandID.Kind, succeededWith output: JSONValue?) {
        close(step, as: kind == .compensation ? .compensated : .succeeded)
        if kind != .compensation { steps[step].output = output ?? steps[step].output }
    }

    private mutating func settle(_ step: Int, _ kind: CommandID.Kind, failedWith error: StepError) {
        steps[step][kind].wait = .nothing
        steps[step][kind].error = error
        steps[step][kind].isRefused = true
        steps[step].status = kind == .compensation ? .compensationFailed : .failed
        // A refused retriable step is as stuck as before, and an operator's decision about it stands.
        if kind != .compensation, definition.steps[step].kind != .retriable {
            steps[step].fence.wait = .nothing
            steps[step].decision = nil
            steps[step].problem = nil
        }
    }

    /// Nothing of this step is awaited any longer.
    private mutating func close(_ step: Int, as status: StepStatus) {
        steps[step].status = status
        steps[step].action.wait = .nothing
        steps[step].compensation.wait = .nothing
        steps[step].fence.wait = .nothing
        steps[step].problem = nil
        steps[step].decision = nil
    }

    private mutating func renew(_ step: Int, _ kind: CommandID.Kind, round: Int) {
        var progress = steps[step][kind]
        if round > progress.round { progress.attempt = 0 }
        progress.round = round
        progress.attemptsBeforeBudget = progress.attempt
        progress.budgetEndsAt = nil
        progress.wait = .nothing
        progress.isRefused = false
        progress.error = nil
        steps[step][kind] = progress
        // A further fence settles nothing yet.
        if kind != .fence { steps[step].problem = nil }
    }

    private mutating func resolve(
        _ step: Int, _ kind: CommandID.Kind, _ claim: PendingDecision.Claim, _ output: JSONValue?
    ) {
        switch claim {
        case .skip:
            close(step, as: .skipped)
            steps[step].output = output ?? steps[step].output
        // The participant knows nothing of it and has closed its barrier: its refusals are no news.
        case .succeeded where kind == .compensation:
            close(step, as: .compensated)
            steps[step].compensation.isRefused = true
        case .succeeded:
            if steps[step].status != .succeeded { steps[step].action.isRefused = true }
            close(step, as: .succeeded)
            steps[step].output = output ?? steps[step].output
        case .failed where kind == .compensation:
            // Its compensation is sent again in a new round.
            let round =
                steps[step].compensation.isRefused
                ? steps[step].compensation.round + 1 : steps[step].compensation.round
            close(step, as: .unknown)
            renew(step, .compensation, round: round)
        case .failed:
            close(step, as: .failed)
            steps[step].action.isRefused = true
        }
    }

    private mutating func postponeBudgets(by milliseconds: Int64) {
        for step in steps.indices {
            for kind in [CommandID.Kind.action, .compensation, .fence] {
                guard let end = steps[step][kind].budgetEndsAt else { continue }
                steps[step][kind].budgetEndsAt = end.adding(milliseconds: milliseconds)
            }
        }
    }

    private mutating func end(_ status: SagaStatus, at now: Timestamp) {
        self.status = status
        isPaused = false
        pausedAt = nil
        endedAt = now
        for step in steps.indices {
            steps[step].action.wait = .nothing
            steps[step].compensation.wait = .nothing
            steps[step].fence.wait = .nothing
        }
    }
}
