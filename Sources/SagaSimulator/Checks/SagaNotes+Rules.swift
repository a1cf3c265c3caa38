import SagaBus
import SagaCore
import SagaStore

// The rules in one line of a history: each event against what was written down before it, and against what was heard.
extension SagaNotes {
    /// What else bears on a line.
    struct Circumstances {
        let heard: Hearsay
        /// Whether the commands to this participant are held back, since it does not answer.
        let isSilent: (String) -> Bool
    }

    mutating func note(_ line: HistoryLine, _ circumstances: Circumstances) throws {
        let isByHand = line.events.contains { if case .retried = $0 { true } else { false } }
        for event in line.events {
            sequence += 1
            try check(event, in: line, isByHand: isByHand, circumstances)
            try take(event, at: line.at)
        }
        for (index, step) in steps.enumerated() where step.action.isRefused && !step.isDone {
            guard definition.steps[index].kind == .retriable || isGoingBack || end != nil else {
                throw Breach("rule 5", "\(definition.steps[index].name) was refused, and it goes on")
            }
        }
    }

    // MARK: Checks

    private func check(
        _ event: SagaEvent, in line: HistoryLine, isByHand: Bool, _ circumstances: Circumstances
    ) throws {
        let (now, heard) = (line.at, circumstances.heard)
        guard end == nil || event.isRecord else { throw Breach("rule 14", "it has ended, and more happens to it") }
        switch event {
        case .started(let start): try check(start, at: now, heard)
        case .sent(let sent): try check(sent, at: now, isByHand: isByHand)
        case .backedOff(let step, let kind, let until, let error):
            let pauses = try checkSettledNothing(step, kind, error, at: now, heard)
            guard isWithinBudget(step, kind, at: now) else {
                throw Breach("rule 9", "\(id(step, kind)) backs off beyond its budget")
            }
            try checkBackoff(step, kind, until - now, wanted: pauses)
        case .unsettled(let step, let kind, let error):
            guard !(isGoingBack && kind == .action && !steps[step].action.isOut) else { return }
            _ = try checkSettledNothing(step, kind, error, at: now, heard)
            guard isGoingBack && kind == .action || !isWithinBudget(step, kind, at: now) else {
                throw Breach("rule 9", "\(id(step, kind)) is given up before its budget is used up")
            }
        case .rearmed(let step, let kind, let until):
            let timeout = definition.steps[step].timeoutMilliseconds
            let longest = circumstances.isSilent(definition.steps[step].participant) ? max(timeout, 3_600_000) : timeout
            guard until > now, until - now <= longest else {
                throw Breach("rule 3", "\(id(step, kind)) is waited for longer than its timeout")
            }
        case .succeeded(let step, let kind, let output, _):
            let name = definition.steps[step].name
            let isBacked =
                kind == .compensation
                ? heard.replies(to: id, name, .compensation).contains { $0.outcome == .succeeded }
                    || heard.replies(to: id, name, .fence).contains(where: \.isFenced)
                : (heard.replies(to: id, name, .action) + heard.replies(to: id, name, .fence)).contains {
                    $0.outcome == .succeeded && $0.body == output
                }
            guard isBacked else { throw Breach("rule 1", "nobody has said that \(id(step, kind)) succeeded") }
        case .failed(let step, let kind, _):
            let name = definition.steps[step].name
            let isBacked =
                heard.replies(to: id, name, kind).contains {
                    $0.outcome == .failed && $0.command.round == steps[step][kind].round
                } || kind == .action && heard.replies(to: id, name, .fence).contains(where: \.isFenced)
            guard isBacked else { throw Breach("rule 2", "nobody has refused \(id(step, kind))") }
        case .resolved(let step, let kind, _, _):
            let answers = heard.replies(to: id, definition.steps[step].name, .fence)
            let isClosed = answers.contains {
                $0.command.round == steps[step].fence.round && ($0.isFenced || kind == .compensation)
            }
            guard steps[step].isDone && kind == .action || isClosed else {
                throw Breach("rule 20", "an operator's word about \(id(step, kind)) counts, and no fence closed it")
            }
        case .rollbackStarted(let rollback): try check(rollback, in: line)
        case .resumed(let milliseconds):
            guard let pausedAt, milliseconds == now - pausedAt else {
                throw Breach("rule 20", "budgets are not postponed by the time it was paused")
            }
        case .cancelRequested:
            guard pausedAt != nil else { throw Breach("rule 20", "a cancel waits, and it is not paused") }
        case .requested(let request, let answer): try check(request, answer)
        case .completed:
            guard !isCancelPromised else { throw Breach("rule 20", "a cancel was promised, and it is completed") }
            guard steps.allSatisfy({ $0.isDone || $0.isPassedOver }) else {
                throw Breach("I4", "it is completed, and not every step is done")
            }
        case .compensated:
            for (index, step) in steps.enumerated() where step.mayStand && !step.isPassedOver {
                guard definition.steps[index].compensation == .none else {
                    throw Breach("rule 4", "it is compensated, and \(definition.steps[index].name) is not undone")
                }
            }
        case .abandoned(_, let certain, let possible):
            for (index, step) in steps.enumerated()
            where step.mayStand && !(step.isPassedOver && !step.compensation.wasSent) {
                guard certain.contains(index) || possible.contains(index) else {
                    throw Breach(
                        "rule 20", "it is abandoned, and its effect in \(definition.steps[index].name) is not listed")
                }
            }
        case .stuck, .proceeded, .retried, .decisionPending, .decisionLapsed, .paused, .noted: break
        }
    }

    private func check(_ start: SagaStart, at now: Timestamp, _ heard: Hearsay) throws {
        guard start.deadlineAt == definition.deadlineMilliseconds.map({ now.adding(milliseconds: $0) }) else {
            throw Breach("rule 24", "its deadline does not run from its acceptance")
        }
        guard let request = heard.start(start.requestID) else {
            throw Breach("I1", "it has started, and nobody asked for it")
        }
        guard request.input == start.input, request.again == start.again, request.definition == definition.name,
            request.traceparent == start.traceparent,
            try definition.businessKey(of: request.input) == start.key
        else { throw Breach("I1", "it has started as something else than was asked for") }
    }

    private func check(_ sent: SentCommand, at now: Timestamp, isByHand: Bool) throws {
        let (step, name) = (definition.steps[sent.step], id(sent.step, sent.kind))
        let notes = steps[sent.step][sent.kind]
        guard pausedAt == nil else { throw Breach("rule 20", "\(name) is sent while it is paused") }
        guard sent.round == notes.round, sent.attempt == notes.attempt + 1 else {
            throw Breach("rule 2", "\(name) is sent as attempt \(sent.attempt) of round \(sent.round), out of turn")
        }
        guard sent.timeoutAt - now == step.timeoutMilliseconds else {
            throw Breach("rule 24", "\(name) is not waited for as long as its definition says")
        }
        let duration = step.policy(of: sent.kind).durationMilliseconds
        let isByAttempts = sent.kind == .action && step.kind == .compensatable
        let budget = isByAttempts || notes.budgetEndsAt != nil ? nil : now.adding(milliseconds: duration)
        guard sent.budgetEndsAt == budget else { throw Breach("rule 9", "\(name) is sent with another budget") }
        if case .backoff(let until) = notes.wait, !isByHand, now < until {
            throw Breach("rule 24", "\(name) is sent before its pause is over")
        }
        switch sent.kind {
        case .action:
            guard !isGoingBack else { throw Breach("rule 5", "\(name) is sent while it goes back") }
            guard step.after.allSatisfy({ steps[$0].isDone || steps[$0].isPassedOver }) else {
                throw Breach("rule 5", "\(name) is sent before the steps it waits for")
            }
            guard !isByHand, !isStuck, !isPastPointOfNoReturn else { return }
            guard !isCancelPromised else { throw Breach("rule 20", "\(name) is sent though a cancel was promised") }
            if let deadlineAt, deadlineAt <= now {
                throw Breach("rule 5", "\(name) is sent after the deadline")
            }
        case .compensation:
            guard isGoingBack else { throw Breach("rule 5", "\(name) is sent while it goes forward") }
            guard sent.attempt == 1, sent.round == 1 else { return }
            for index in definition.descendants[sent.step] where definition.steps[index].compensation != .none {
                guard !steps[index].mayStand || steps[index].isPassedOver else {
                    throw Breach("rule 5", "\(name) is sent before \(definition.steps[index].name) is undone")
                }
            }
            // Rule 11: what took effect after all when it was too late for that is undone only by hand.
            guard !steps[sent.step].isUndoneByHand else { return }
            for index in definition.ancestors[sent.step] where steps[index].compensation.wasSent {
                throw Breach("rule 5", "\(name) is sent after \(definition.steps[index].name) is being undone")
            }
        case .fence: break
        }
    }

    /// An attempt that settled nothing: its time was over, or its participant asked to be asked again. How long it
    /// asked to be left alone, in each of its replies.
    private func checkSettledNothing(
        _ step: Int, _ kind: CommandID.Kind, _ error: StepError, at now: Timestamp, _ heard: Hearsay
    ) throws -> [Int64] {
        let notes = steps[step][kind]
        if error == .timeout {
            guard case .reply(let until) = notes.wait, until <= now else {
                throw Breach("rule 3", "\(id(step, kind)) timed out before its time")
            }
            return [0]
        }
        let pauses = heard.replies(to: id, definition.steps[step].name, kind).filter {
            $0.outcome == .retry && $0.command.round == notes.round && $0.attempt == notes.attempt
        }.map { $0.retryAfterMilliseconds ?? 0 }
        guard !pauses.isEmpty, notes.isOut else {
            throw Breach("rule 11", "\(id(step, kind)): nobody asked to be asked again, at this attempt")
        }
        return pauses
    }

    private func isWithinBudget(_ step: Int, _ kind: CommandID.Kind, at now: Timestamp) -> Bool {
        let notes = steps[step][kind]
        if kind == .action, definition.steps[step].kind == .compensatable {
            return notes.attempt - notes.spent < definition.steps[step].retry.attempts
        }
        return notes.budgetEndsAt.map { pausedAt ?? now < $0 } ?? false
    }

    /// Rule 24: the pause grows with each attempt, and is no shorter than the participant asked for.
    private func checkBackoff(_ step: Int, _ kind: CommandID.Kind, _ pause: Int64, wanted: [Int64]) throws {
        let (notes, policy) = (steps[step][kind], definition.steps[step].policy(of: kind))
        var longest = policy.backoffMilliseconds
        for _ in 1..<max(2, notes.attempt - notes.spent) where longest < policy.maximumBackoffMilliseconds {
            longest *= 2
        }
        longest = min(longest, policy.maximumBackoffMilliseconds)
        let floors = wanted.map { min($0, 300_000) }
        guard floors.contains(where: { (max(1, $0)...max(1, longest, $0)).contains(pause) }) else {
            throw Breach("rule 24", "\(id(step, kind)) pauses for \(pause) ms, not for \(floors) to \(longest)")
        }
    }

    private func check(_ rollback: Rollback, in line: HistoryLine) throws {
        guard !isPastPointOfNoReturn else { throw Breach("rule 6", "it turns back past the point of no return") }
        switch rollback.reason {
        case .deadline:
            guard let deadlineAt, deadlineAt <= line.at else {
                throw Breach("rule 5", "it turns back before its deadline")
            }
        case .cancelled:
            let isAsked = line.events.contains {
                if case .requested(let request, .applied) = $0 { request.verb == .cancel } else { false }
            }
            guard isCancelPromised || isAsked else { throw Breach("rule 5", "it is cancelled, and nobody asked") }
        case .stepFailed:
            guard steps.contains(where: { $0.action.isRefused && !$0.isDone }) else {
                throw Breach("rule 5", "it turns back though no step has failed")
            }
        case .attemptsUsedUp, .outputMissing: break
        }
    }

    /// Rule 21: each request is answered once, and what is said to be done is done.
    private func check(_ request: OperatorRequest, _ answer: OperatorAnswer) throws {
        guard answers[request.id] == nil else {
            throw Breach("rule 21", "the request \(request.id) is answered a second time")
        }
        guard case .applied = answer else { return }
        let isSo =
            switch request.verb {
            case .pause: pausedAt != nil
            case .resume: pausedAt == nil
            case .cancel: isGoingBack || isCancelPromised
            case .abandon: end == .abandoned
            case .retry, .skip, .resolve: true
            }
        guard isSo else { throw Breach("rule 21", "\(request.verb.rawValue) was applied and has done nothing") }
    }
}

extension SagaEvent {
    /// It says that something came, and changes nothing.
    fileprivate var isRecord: Bool {
        switch self {
        case .requested, .noted: true
        default: false
        }
    }
}

extension StepDefinition {
    fileprivate func policy(of kind: CommandID.Kind) -> RetryPolicy {
        kind == .compensation ? compensationRetry : retry
    }
}
