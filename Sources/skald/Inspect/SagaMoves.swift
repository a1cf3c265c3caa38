import SagaCore

/// Something an operator may do now, with what would come of it.
struct SafeMove {
    let request: OperatorRequest
    /// For what one would do it.
    let purpose: String
    /// The machine's answer.
    let answer: String
    let sent: [OutgoingCommand]
    let statusAfter: SagaStatus
    /// With a decision that waits for a fence: what follows when the participant has closed the step.
    let onceClosed: Outcome?

    struct Outcome {
        let sent: [OutgoingCommand]
        let status: SagaStatus
    }

    /// The line to copy. `flags` go to every command.
    func command(for saga: SagaID, flags: String) -> String {
        var words = ["skald \(request.verb.rawValue) \(saga)"]
        if let step = request.step { words.append("--step \(step)") }
        if let claim = request.claim { words.append("--as \(claim.rawValue)") }
        if let output = request.output { words.append("--output \(output.text.shellWord)") }
        if let sequence = request.expectedSequence { words.append("--expect \(sequence)") }
        words.append("--reason \"…\"")
        return words.joined(separator: " ").escapedForTerminal + flags
    }
}

/// What an operator may do with a saga now, and why not the rest.
///
/// Nothing here knows the rules: each move is tried on the machine, which applies it to the state or refuses it.
struct SagaMoves {
    private(set) var safe: [SafeMove] = []
    private(set) var refused: [(verb: OperatorVerb, why: String)] = []
    private let state: SagaState
    private let now: Timestamp
    private let requestID: String

    init(of state: SagaState, at now: Timestamp) {
        self.state = state
        self.now = max(now, state.updatedAt)
        var id = "trial"
        while state.answers[id] != nil { id += "+" }
        requestID = id

        tryVerb(.retry, [nil])
        tryVerb(.resume, [nil])
        tryVerb(.resolve, problemFirst, claims: [.succeeded, .failed])
        tryVerb(.skip, problemFirst)
        tryVerb(.cancel, [nil])
        tryVerb(.pause, [nil])
        tryVerb(.abandon, [nil])
    }

    /// All steps, since only the machine knows which may be decided; those with a problem give the better refusal.
    private var problemFirst: [Int?] {
        state.steps.indices.filter { state.steps[$0].problem != nil }
            + state.steps.indices.filter { state.steps[$0].problem == nil }
    }

    private mutating func tryVerb(_ verb: OperatorVerb, _ steps: [Int?], claims: [PendingDecision.Claim?] = [nil]) {
        var why: String?
        var found = false
        for step in steps {
            for claim in claims {
                switch outcome(verb, step, claim) {
                case .success(let moves):
                    safe += moves
                    found = true
                case .failure(let refusal):
                    why = why ?? refusal.message.escapedForTerminal
                }
            }
        }
        if !found { refused.append((verb, why ?? "no step is stuck")) }
    }

    /// The move, and for a retry of several steps also one for each.
    private func outcome(
        _ verb: OperatorVerb, _ step: Int?, _ claim: PendingDecision.Claim?
    ) -> Result<[SafeMove], Refusal> {
        var request = self.request(verb, step, claim, output: nil)
        var decision = trial(request)
        if case .failure(let refusal) = decision, refusal.code == .outputMissing, let step {
            request = self.request(verb, step, claim, output: sampleOutput(of: step))
            decision = trial(request)
        }
        switch decision {
        case .failure(let refusal): return .failure(refusal)
        case .success(let (decided, answer)):
            var moves = [move(request, decided, answer)]
            let retried = decided.events.compactMap { if case .retried(let step, _, _) = $0 { step } else { nil } }
            if verb == .retry, step == nil, retried.count > 1 {
                for step in retried {
                    if case .success(let more) = outcome(.retry, step, nil) { moves += more }
                }
            }
            return .success(moves)
        }
    }

    private func trial(_ request: OperatorRequest) -> Result<(Decision, String), Refusal> {
        do throws(Refusal) {
            var random = SplitMix64(seed: 0)
            let decision = try SagaMachine.decide(state, .request(request), at: now, using: &random)
            for case .requested(_, let answer) in decision.events {
                switch answer {
                case .applied(let text): return .success((decision, text))
                case .refused(let refusal): return .failure(refusal)
                }
            }
            return .failure(Refusal(code: .internal, message: "the machine gave no answer"))
        } catch {
            return .failure(error)
        }
    }

    private func request(
        _ verb: OperatorVerb, _ step: Int?, _ claim: PendingDecision.Claim?, output: JSONValue?
    ) -> OperatorRequest {
        // What rests on what was seen names the event it was seen at.
        let restsOnWhatWasSeen =
            switch verb {
            case .skip, .resolve, .abandon: true
            case .retry, .cancel, .pause, .resume: false
            }
        return OperatorRequest(
            id: requestID, verb: verb, step: step.map { state.definition.steps[$0].name }, reason: "…",
            claim: claim, output: output, expectedSequence: restsOnWhatWasSeen ? state.sequence : nil)
    }

    private func move(_ request: OperatorRequest, _ decision: Decision, _ answer: String) -> SafeMove {
        let step = request.step.flatMap { state.definition.index(ofStep: $0) }
        let isUndoing = step.map { state.steps[$0].status == .compensationFailed } ?? false
        return SafeMove(
            request: request, purpose: purpose(request, isUndoing: isUndoing), answer: answer.escapedForTerminal,
            sent: decision.commands, statusAfter: decision.state.status, onceClosed: onceClosed(decision))
    }

    /// The participant answers that nothing stands, as it does where the operator is right.
    private func onceClosed(_ decision: Decision) -> SafeMove.Outcome? {
        guard let fence = decision.commands.first(where: { $0.id.kind == .fence }) else { return nil }
        let closed = ReplyInput(
            command: fence.id, attempt: fence.attempt, outcome: .failed,
            body: ["code": .string(RefusalCode.fenced.rawValue), "message": ""])
        var random = SplitMix64(seed: 0)
        let next = try? SagaMachine.decide(decision.state, .reply(closed), at: now, using: &random)
        return next.map { SafeMove.Outcome(sent: $0.commands, status: $0.state.status) }
    }

    private func purpose(_ request: OperatorRequest, isUndoing: Bool) -> String {
        switch request.verb {
        case .retry: "To ask again, once the cause is gone"
        case .resume: "To let it go on"
        case .cancel: "To undo it"
        case .pause: "To hold it while you look"
        case .abandon: "To close it for good, undoing nothing"
        case .skip: isUndoing ? "To leave its effect as it is" : "To go on without this step"
        case .resolve where request.claim == .failed:
            isUndoing ? "To send its compensation again" : "If you know it had no effect"
        case .resolve: isUndoing ? "If you have undone it by hand" : "If you know it took effect"
        }
    }

    /// An output with everything later steps take from it, to be filled in.
    private func sampleOutput(of step: Int) -> JSONValue {
        var sample = JSONValue.object([:])
        for path in state.definition.outputReferences[step] { sample = sample.setting(.placeholder, at: path[...]) }
        return sample
    }
}

extension JSONValue {
    fileprivate func setting(_ value: JSONValue, at path: ArraySlice<String>) -> JSONValue {
        guard let key = path.first else { return value }
        var object = self.object ?? [:]
        object[key] = (object[key] ?? [:]).setting(value, at: path.dropFirst())
        return .object(object)
    }
}

extension Decision {
    fileprivate var commands: [OutgoingCommand] {
        effects.compactMap { if case .send(let command) = $0 { command } else { nil } }
    }
}
