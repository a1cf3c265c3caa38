// What an operator may do, and when (rules 20 and 21).
extension SagaMachine {
    mutating func handle(_ request: OperatorRequest) throws(Refusal) -> Decision.Verdict {
        if let answer = state.answers[request.id] { return .answeredBefore(answer) }
        let before = (state, events, effects)
        do {
            let text = try apply(request)
            try emit(.requested(request, .applied(text)))
        } catch {
            (state, events, effects) = before
            guard error.code != .internal else { throw error }
            try emit(.requested(request, .refused(error)))
        }
        return .applied
    }

    /// Returns what was done, in words.
    private mutating func apply(_ request: OperatorRequest) throws(Refusal) -> String {
        if let expected = request.expectedSequence, expected != state.sequence {
            throw Refusal(
                code: .conflict, path: "expect",
                message: "the saga has moved on: its history is at \(state.sequence), not \(expected); look again")
        }
        guard !state.status.isTerminal else { throw notAllowed("the saga has ended: \(state.status.rawValue)") }
        switch request.verb {
        case .retry: return try retry(request)
        case .skip: return try decide(request, .skip)
        case .resolve:
            guard let claim = request.claim, claim != .skip else {
                throw Refusal(code: .fieldMissing, path: "as", message: "resolve needs as: succeeded or failed")
            }
            return try decide(request, claim)
        case .cancel: return try cancel()
        case .abandon: return try abandon(request)
        case .pause:
            guard !state.isPaused else { throw notAllowed("it is paused already") }
            try emit(.paused)
            return "paused: nothing new is sent; replies are still taken"
        case .resume:
            guard state.isPaused else { throw notAllowed("it is not paused") }
            try emit(.resumed(pausedMilliseconds: state.pausedAt.map { now - $0 } ?? 0))
            return "resumed"
        }
    }

    private func notAllowed(_ message: String) -> Refusal {
        Refusal(code: .notAllowed, path: "", message: message)
    }

    private mutating func cancel() throws(Refusal) -> String {
        guard state.status == .running else {
            throw notAllowed("only a running saga can be cancelled; this one is \(state.status.rawValue)")
        }
        guard !state.isPastPointOfNoReturn || PlantedBug.cancelAfterPivot.isPlanted else {
            throw notAllowed("it is past the point of no return: only forward from here")
        }
        if state.isPaused {
            try emit(.cancelRequested)
            return "will be cancelled on resume"
        }
        try rollBack(.cancelled)
        return "cancelled: what was done is being undone"
    }

    private mutating func abandon(_ request: OperatorRequest) throws(Refusal) -> String {
        guard let reason = request.reason, !reason.isEmpty else {
            throw Refusal(code: .fieldMissing, path: "reason", message: "abandon needs a reason")
        }
        var certain = StepSet()
        var possible = StepSet()
        for (index, step) in state.steps.enumerated() {
            switch step.status {
            case .succeeded: certain.insert(index)
            // It was the compensation that was passed over.
            case .skipped where step.compensation.wasSent: certain.insert(index)
            case .compensationFailed where step.compensation.isRefused && step.output != nil: certain.insert(index)
            case .inFlight, .backingOff, .unknown, .compensating, .compensationFailed: possible.insert(index)
            case .pending, .failed, .skipped, .compensated: break
            }
        }
        try emit(.abandoned(reason: reason, certain: certain, possible: possible))
        func names(_ set: StepSet) -> String {
            set.isEmpty ? "none" : set.map { state.definition.steps[$0].name }.joined(separator: ", ")
        }
        return "abandoned; effects that stay: \(names(certain)); still possible: \(names(possible))"
    }

    // MARK: Retry

    private mutating func retry(_ request: OperatorRequest) throws(Refusal) -> String {
        guard !state.isPaused else { throw notAllowed("it is paused: resume it first") }
        let targets: [Int]
        if let name = request.step {
            targets = [try step(named: name)]
        } else {
            targets = state.steps.indices.filter { canRetry($0) }
        }
        if targets.isEmpty {
            if let stuck = state.steps.firstIndex(where: { $0.problem != nil }) { throw notAllowed(whyNoRetry(stuck)) }
            guard state.problem != nil else { throw notAllowed("no step is backing off or stuck") }
        }
        for target in targets {
            guard canRetry(target) else { throw notAllowed(whyNoRetry(target)) }
            try retry(target)
        }
        let names = targets.map { state.definition.steps[$0].name }.joined(separator: ", ")
        guard state.problem != nil, request.step == nil else { return "retried: \(names)" }
        if state.status == .stuck, !state.steps.contains(where: { $0.problem != nil }) { try emit(.proceeded) }
        return names.isEmpty ? "goes on" : "retried: \(names)"
    }

    private func step(named name: String) throws(Refusal) -> Int {
        guard let index = state.definition.index(ofStep: name) else {
            let known = state.definition.steps.map(\.name).joined(separator: ", ")
            throw Refusal(code: .stepUnknown, path: "step", message: "no such step; known: \(known)")
        }
        return index
    }

    /// The command of a step that a retry would send again.
    private func retriableCommand(_ step: Int) -> CommandID.Kind? {
        let state = self.state.steps[step]
        guard state.decision == nil else { return nil }
        if state.fence.isBackingOff { return .fence }
        if state.compensation.isBackingOff || state.status == .compensationFailed { return .compensation }
        if state.action.isBackingOff { return .action }
        guard state.problem != nil else { return nil }
        switch state.status {
        case .failed, .unknown: return .action
        case .pending, .inFlight, .backingOff, .succeeded, .skipped, .compensating, .compensated,
            .compensationFailed:
            return nil
        }
    }

    private func canRetry(_ step: Int) -> Bool {
        retriableCommand(step) != nil || undoesContradiction(step)
    }

    /// Its success came after its refusal; a retry compensates it although the steps before it are undone already.
    private func undoesContradiction(_ step: Int) -> Bool {
        guard state.rollback != nil, state.steps[step].problem != nil, state.steps[step].status == .succeeded,
            case .command = state.definition.steps[step].compensation
        else { return false }
        return true
    }

    private func whyNoRetry(_ step: Int) -> String {
        if state.steps[step].decision != nil { return "a skip or resolve of that step waits for the participant" }
        if state.steps[step].problem != nil, state.steps[step].status == .succeeded {
            return whatHelpsSucceeded(step)
        }
        return "that step is \(state.steps[step].status.rawValue), neither backing off nor stuck"
    }

    private func whatHelpsSucceeded(_ step: Int) -> String {
        if state.rollback == nil { return "the step has succeeded; resolve it as succeeded with the output it lacks" }
        if undoesContradiction(step) { return "the step has succeeded after all; retry undoes it" }
        return "the step has succeeded after all and cannot be undone; put it right by hand and abandon the saga"
    }

    private mutating func retry(_ step: Int) throws(Refusal) {
        guard let kind = retriableCommand(step) else {
            return try emit(.retried(step: step, kind: .compensation, round: state.steps[step].compensation.round))
        }
        let progress = state.steps[step][kind]
        // Rule 2: a settled failure takes a new round, anything else is asked again under the same id.
        try emit(
            .retried(step: step, kind: kind, round: progress.isRefused ? progress.round + 1 : progress.round))
        try send(kind, of: step)
    }

    // MARK: Skip and resolve

    private mutating func decide(
        _ request: OperatorRequest, _ claim: PendingDecision.Claim
    ) throws(Refusal) -> String {
        guard !state.isPaused else { throw notAllowed("it is paused: resume it first") }
        guard let name = request.step else {
            throw Refusal(code: .fieldMissing, path: "step", message: "which step?")
        }
        let step = try step(named: name)
        guard state.steps[step].problem != nil else {
            throw notAllowed("that step is \(state.steps[step].status.rawValue), not stuck")
        }
        guard state.steps[step].decision == nil else {
            throw notAllowed("a skip or resolve of that step waits for the participant already")
        }
        let isCompensation = state.steps[step].status == .compensationFailed
        if claim == .skip, state.definition.steps[step].kind == .pivot {
            throw notAllowed("the pivot cannot be skipped: resolve it as succeeded or failed")
        }
        if claim == .failed, !isCompensation, state.definition.steps[step].kind == .retriable {
            throw notAllowed("past the point of no return a step cannot be declared failed: retry, skip or abandon")
        }
        if state.steps[step].status == .succeeded {
            return try supplyOutput(step, claim, request)
        }
        if claim != .failed, !isCompensation { try checkOutput(of: step, request) }
        if PlantedBug.resolvesWithoutFence.isPlanted {
            let kind: CommandID.Kind = isCompensation ? .compensation : .action
            try emit(.resolved(step: step, kind: kind, claim, output: request.output))
            return "done"
        }
        try emit(
            .decisionPending(
                step: step, PendingDecision(claim: claim, output: request.output, requestID: request.id)))
        try sendFence(step, closesStep: claim != .failed)
        return "takes effect when \(state.definition.steps[step].participant) has answered the fence"
    }

    /// The step took effect and nothing of it is open: only its output was missing.
    private mutating func supplyOutput(
        _ step: Int, _ claim: PendingDecision.Claim, _ request: OperatorRequest
    ) throws(Refusal) -> String {
        guard state.rollback == nil, claim == .succeeded else {
            throw notAllowed(whatHelpsSucceeded(step))
        }
        try checkOutput(of: step, request)
        try emit(.resolved(step: step, kind: .action, claim, output: request.output))
        return "output supplied"
    }

    private func checkOutput(of step: Int, _ request: OperatorRequest) throws(Refusal) {
        guard let missing = missingOutput(step, request.output) else { return }
        throw Refusal(
            code: .outputMissing, path: "output",
            message: "later steps need it, give it with --output: \(missing.description)")
    }
}
