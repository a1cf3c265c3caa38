// What a reply changes. A repeated or late one finds a state in which it changes nothing (rules 2, 3, 5, 11).
extension SagaMachine {
    mutating func handle(_ reply: ReplyInput) throws(Refusal) -> Decision.Verdict {
        guard let step = state.definition.index(ofStep: reply.command.step) else {
            let known = state.definition.steps.map(\.name).joined(separator: ", ")
            return unknownReply("the saga has no such step; known: \(known)")
        }
        let kind = reply.command.kind
        let progress = state.steps[step][kind]
        guard progress.wasSent, reply.command.round <= progress.round,
            reply.command.round < progress.round || reply.attempt <= progress.attempt
        else { return unknownReply("that command or attempt was never sent") }

        if case .retry = reply.outcome {
            guard progress.isInFlight, reply.command.round == progress.round, reply.attempt == progress.attempt else {
                return .ignored("retry for an attempt that is over")
            }
            try attemptSettledNothing(
                step, kind, error: reply.error, retryAfterMilliseconds: reply.retryAfterMilliseconds)
            return .applied
        }
        switch kind {
        case .action: return try settleAction(step, reply)
        case .compensation: return try settleCompensation(step, reply)
        case .fence: return try settleFence(step, reply)
        }
    }

    private func unknownReply(_ message: String) -> Decision.Verdict {
        .deadLetter(Refusal(code: .replyUnknown, path: "correlation_id", message: message))
    }

    private func contradiction(_ message: String) -> Decision.Verdict {
        .deadLetter(Refusal(code: .replyContradicts, path: "headers.skald-outcome", message: message))
    }

    /// The first late reply of a command is noted, further ones are counted.
    private mutating func noteLate(_ step: Int, _ reply: ReplyInput) throws(Refusal) -> Decision.Verdict {
        guard !state.steps[step].lateReplies.contains(reply.command.kind) else { return .ignored("late reply") }
        try emit(.noted(step: step, kind: reply.command.kind, outcome: reply.outcome))
        return .applied
    }

    /// `failed` after `succeeded`: a contradiction, unless it had been refused before or by the barrier a fence closed.
    private mutating func refusedAfterSuccess(
        _ step: Int, _ reply: ReplyInput
    ) throws(Refusal) -> Decision.Verdict {
        if state.steps[step][reply.command.kind].isRefused { return .ignored("said before") }
        if reply.error.code == RefusalCode.fenced.rawValue { return try noteLate(step, reply) }
        return contradiction("failed, but it had succeeded")
    }

    // MARK: Actions

    private mutating func settleAction(_ step: Int, _ reply: ReplyInput) throws(Refusal) -> Decision.Verdict {
        let current = state.steps[step]
        if PlantedBug.lateSuccessRevives.isPlanted, state.status == .compensated, reply.outcome == .succeeded {
            try emit(.proceeded)
            try actionSucceeded(step, output: reply.body, contradicts: false)
            return .applied
        }
        let isEarlierRound = reply.command.round < current.action.round
        // A refusal of an earlier round was settled in its time.
        if reply.outcome == .failed, isEarlierRound, !PlantedBug.heedsEarlierRound.isPlanted {
            return .ignored("an earlier round")
        }
        switch (current.status, reply.outcome) {
        case (.inFlight, .succeeded), (.backingOff, .succeeded), (.unknown, .succeeded):
            guard !state.status.isTerminal else { return try noteLate(step, reply) }
            // A success answers all rounds: in an earlier one it is no contradiction.
            try actionSucceeded(step, output: reply.body, contradicts: false)
            return .applied
        case (.inFlight, _), (.backingOff, _), (.unknown, _):
            guard !state.status.isTerminal else { return try noteLate(step, reply) }
            try actionFailed(step, error: reply.error)
            return .applied
        case (.failed, .succeeded): return try successAfterFailure(step, reply)
        case (.failed, _), (.succeeded, .succeeded): return .ignored("said before")
        case (.succeeded, _): return try refusedAfterSuccess(step, reply)
        case (.compensating, .succeeded), (.compensated, .succeeded), (.compensationFailed, .succeeded):
            return current.output == nil ? try noteLate(step, reply) : .ignored("said before")
        case (.pending, _), (.skipped, _), (.compensating, _), (.compensated, _), (.compensationFailed, _):
            return try noteLate(step, reply)
        }
    }

    mutating func actionSucceeded(_ step: Int, output: JSONValue, contradicts: Bool) throws(Refusal) {
        try emit(.succeeded(step: step, kind: .action, output: output, contradicts: contradicts))
        // Rule 13: what later steps refer to must be there.
        guard state.rollback == nil, !PlantedBug.leavesOutputUnchecked.isPlanted,
            let missing = missingOutput(step, output)
        else { return }
        let error = StepError(code: missing.code.rawValue, message: missing.description)
        if state.isPastPointOfNoReturn {
            try emit(.stuck(step: step, error: error))
        } else {
            try rollBack(.outputMissing, step: step, error: error)
        }
    }

    /// Why later steps could not take their values from this output.
    func missingOutput(_ step: Int, _ output: JSONValue?) -> Refusal? {
        do {
            try state.definition.checkOutput(output ?? [:], ofStep: step)
            return nil
        } catch {
            return error
        }
    }

    mutating func actionFailed(_ step: Int, error: StepError) throws(Refusal) {
        try emit(.failed(step: step, kind: .action, error: error))
        guard state.rollback == nil else { return }
        switch state.definition.steps[step].kind {
        case .compensatable, .pivot: try rollBack(.stepFailed, step: step, error: error)
        case .retriable where PlantedBug.failureAfterPivotCompensates.isPlanted:
            try rollBack(.stepFailed, step: step, error: error)
        case .retriable: try emit(.stuck(step: step, error: error))
        }
    }

    /// Rule 11: the participant said `failed` before. The effect is there after all.
    private mutating func successAfterFailure(
        _ step: Int, _ reply: ReplyInput
    ) throws(Refusal) -> Decision.Verdict {
        if state.status.isTerminal { return contradiction("succeeded, but the step had failed and the saga has ended") }
        if state.rollback == nil {
            try actionSucceeded(step, output: reply.body, contradicts: true)
            return .applied
        }
        try emit(.succeeded(step: step, kind: .action, output: reply.body, contradicts: true))
        var canBeUndone = false
        if case .command = state.definition.steps[step].compensation {
            canBeUndone = state.definition.ancestors[step].allSatisfy { !state.steps[$0].compensation.wasSent }
        } else if state.definition.steps[step].kind == .compensatable {
            canBeUndone = true
        }
        if !canBeUndone, !PlantedBug.goesOnOverContradiction.isPlanted {
            try emit(
                .stuck(
                    step: step,
                    error: StepError(
                        code: RefusalCode.replyContradicts.rawValue,
                        message: "succeeded after failed, when the steps before it had been undone")))
        }
        return .applied
    }

    // MARK: Compensations

    private mutating func settleCompensation(_ step: Int, _ reply: ReplyInput) throws(Refusal) -> Decision.Verdict {
        let progress = state.steps[step].compensation
        let isEarlierRound = reply.command.round < progress.round
        switch (state.steps[step].status, reply.outcome) {
        case (.compensating, .succeeded), (.compensationFailed, .succeeded), (.unknown, .succeeded):
            guard !state.status.isTerminal else { return try noteLate(step, reply) }
            try emit(.succeeded(step: step, kind: .compensation, output: nil, contradicts: progress.isRefused))
            return .applied
        case (.compensating, _), (.compensationFailed, _):
            guard !isEarlierRound, !progress.isRefused else { return .ignored("said before") }
            guard !state.status.isTerminal else { return try noteLate(step, reply) }
            try emit(.failed(step: step, kind: .compensation, error: reply.error))
            try emit(.stuck(step: step, error: reply.error))
            return .applied
        case (.compensated, .succeeded): return .ignored("said before")
        case (.compensated, _):
            return isEarlierRound ? .ignored("an earlier round") : try refusedAfterSuccess(step, reply)
        case (.skipped, _): return try noteLate(step, reply)
        case (.unknown, _), (.pending, _), (.inFlight, _), (.backingOff, _), (.succeeded, _), (.failed, _):
            return .ignored("no compensation is awaited")
        }
    }

    // MARK: Fences

    private mutating func settleFence(_ step: Int, _ reply: ReplyInput) throws(Refusal) -> Decision.Verdict {
        let current = state.steps[step]
        let effectStands = reply.outcome == .succeeded
        guard effectStands || reply.error.code == RefusalCode.fenced.rawValue else {
            // Whoever does not know fences cannot have closed the barrier.
            return .ignored("the participant did not understand the fence")
        }
        if let decision = current.decision, reply.command.round == current.fence.round, !state.status.isTerminal {
            try apply(decision, to: step, effectStands: effectStands, output: reply.body)
            return .applied
        }
        // Rule 10: what the participant says of the step holds, however late it says it.
        switch current.status {
        case .inFlight, .backingOff, .unknown:
            guard !state.status.isTerminal else { return try noteLate(step, reply) }
            if effectStands {
                try actionSucceeded(step, output: reply.body, contradicts: false)
            } else {
                try actionFailed(step, error: reply.error)
            }
            return .applied
        case .compensating, .compensationFailed:
            if effectStands { return .ignored("its compensation is under way") }
            guard !state.status.isTerminal else { return try noteLate(step, reply) }
            try emit(.succeeded(step: step, kind: .compensation, output: nil, contradicts: false))
            return .applied
        case .pending, .succeeded, .failed, .skipped, .compensated: return .ignored("no fence is out")
        }
    }

    /// A decision takes effect now that the barrier is closed; a fence that answers with an effect wins over it.
    private mutating func apply(
        _ decision: PendingDecision, to step: Int, effectStands: Bool, output: JSONValue
    ) throws(Refusal) {
        guard state.steps[step].status == .compensationFailed else {
            if effectStands, !PlantedBug.decidesOverFence.isPlanted {
                return try actionSucceeded(step, output: output, contradicts: false)
            }
            try emit(.resolved(step: step, kind: .action, decision.claim, output: decision.output))
            if decision.claim == .failed, state.rollback == nil {
                try rollBack(.stepFailed, step: step, error: state.steps[step].action.error)
            }
            return
        }
        if !effectStands, decision.claim != .failed {
            return try emit(.succeeded(step: step, kind: .compensation, output: nil, contradicts: false))
        }
        try emit(.resolved(step: step, kind: .compensation, decision.claim, output: nil))
    }
}
