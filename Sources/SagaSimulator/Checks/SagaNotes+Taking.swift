import SagaCore

// What is written down of each event.
extension SagaNotes {
    mutating func take(_ event: SagaEvent, at now: Timestamp) throws {
        switch event {
        case .started(let start):
            (key, input, again, deadlineAt) = (start.key, start.input, start.again, nil)
            traceparent = start.traceparent
            deadlineAt = definition.deadlineMilliseconds.map { now.adding(milliseconds: $0) }
            announce(definition.events.started)
        case .sent(let sent):
            try draft(sent)
            var notes = steps[sent.step][sent.kind]
            (notes.attempt, notes.isRefused) = (sent.attempt, false)
            notes.wait = .reply(until: now.adding(milliseconds: definition.steps[sent.step].timeoutMilliseconds))
            notes.budgetEndsAt = sent.budgetEndsAt ?? notes.budgetEndsAt
            steps[sent.step][sent.kind] = notes
        case .backedOff(let step, let kind, let until, _): steps[step][kind].wait = .backoff(until: until)
        case .rearmed(let step, let kind, let until): steps[step][kind].wait = .reply(until: until)
        case .unsettled(let step, let kind, _): steps[step][kind].wait = .nothing
        case .succeeded(let step, let kind, let output, _):
            steps[step].close()
            if kind == .compensation { steps[step].isUndone = true } else { steps[step].isDone = true }
            if kind != .compensation { steps[step].output = output ?? steps[step].output }
        case .failed(let step, let kind, _):
            steps[step][kind].wait = .nothing
            steps[step][kind].isRefused = true
            guard kind != .compensation, definition.steps[step].kind != .retriable else { return }
            steps[step].fence.wait = .nothing
            steps[step].decision = nil
        case .retried(let step, let kind, let round):
            renew(step, kind, round: round)
            if kind == .compensation { steps[step].isUndoneByHand = true }
        case .decisionPending(let step, let decision): steps[step].decision = decision.claim
        case .decisionLapsed(let step):
            steps[step].decision = nil
            steps[step].fence.wait = .nothing
        case .resolved(let step, let kind, let claim, let output): resolve(step, kind, claim, output)
        case .rollbackStarted: isGoingBack = true
        case .stuck(let step, let error):
            isStuck = true
            hasFault = hasFault || step == nil && error.code == RefusalCode.internal.rawValue
            announce(definition.events.stuck)
        case .proceeded: isStuck = false
        case .paused: pausedAt = now
        case .resumed:
            let paused = pausedAt.map { now - $0 } ?? 0
            pausedAt = nil
            for step in steps.indices {
                for kind in CommandID.Kind.allCases {
                    steps[step][kind].budgetEndsAt = steps[step][kind].budgetEndsAt?.adding(milliseconds: paused)
                }
            }
        case .cancelRequested: isCancelPromised = true
        case .requested(let request, let answer): answers[request.id] = answer
        case .noted: break
        case .completed: finish(.completed, definition.events.completed)
        case .compensated: finish(.compensated, definition.events.compensated)
        case .abandoned: finish(.abandoned, definition.events.abandoned)
        }
    }

    private mutating func announce(_ type: String?) { announcements[sequence] = type }

    private mutating func finish(_ status: SagaStatus, _ type: String?) {
        (end, pausedAt) = (status, nil)
        for step in steps.indices { steps[step].close() }
        announce(type)
    }

    private mutating func renew(_ step: Int, _ kind: CommandID.Kind, round: Int) {
        var notes = steps[step][kind]
        if round > notes.round { notes.attempt = 0 }
        (notes.round, notes.spent) = (round, notes.attempt)
        (notes.budgetEndsAt, notes.wait, notes.isRefused) = (nil, .nothing, false)
        steps[step][kind] = notes
    }

    private mutating func pass(over step: Int, output: JSONValue?) {
        steps[step].close()
        steps[step].isPassedOver = true
        steps[step].output = output ?? steps[step].output
    }

    private mutating func resolve(
        _ step: Int, _ kind: CommandID.Kind, _ claim: PendingDecision.Claim, _ output: JSONValue?
    ) {
        switch (claim, kind) {
        case (.skip, _): pass(over: step, output: output)
        case (.succeeded, .compensation):
            steps[step].close()
            steps[step].isUndone = true
        case (.succeeded, _):
            steps[step].close()
            steps[step].isDone = true
            steps[step].output = output ?? steps[step].output
        case (.failed, .compensation):
            steps[step].close()
            let notes = steps[step].compensation
            renew(step, .compensation, round: notes.isRefused ? notes.round + 1 : notes.round)
        case (.failed, _):
            steps[step].close()
            steps[step].action.isRefused = true
        }
    }
}
