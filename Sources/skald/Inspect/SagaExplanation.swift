import SagaCore
import SagaStore

/// A saga's status in one sentence, and why it is so; safe for a terminal.
struct SagaExplanation {
    private let state: SagaState
    private let words: EventWords
    private let history: [HistoryEntry]
    private let stuckSince: Timestamp?

    init(_ state: SagaState, words: EventWords, history: [HistoryEntry], stuckSince: Timestamp?) {
        self.state = state
        self.words = words
        self.history = history
        self.stuckSince = stuckSince
    }

    // MARK: The sentence

    var sentence: String {
        guard state.isPaused else { return statusSentence }
        let since = state.pausedAt.map { " since \(TimeText.clockAndDistance($0, now: words.now))" } ?? ""
        let cancel = state.isCancelRequested ? "; it will be cancelled on resume" : ""
        return
            "Paused\(since)\(cancel). Otherwise \(statusSentence.prefix(1).lowercased())\(statusSentence.dropFirst())"
    }

    private var statusSentence: String {
        switch state.status {
        case .running: "Running: \(activity)."
        case .compensating: "Going back: \(activity)."
        case .stuck:
            "Stuck\(stuckSince.map { " since \(TimeText.clockAndDistance($0, now: words.now))" } ?? ""), "
                + "needs an operator: \(stuckSteps)."
        case .completed: "Completed in \(duration): \(doneSteps)."
        case .compensated: "Compensated in \(duration): what had taken effect is undone."
        case .abandoned: "Abandoned after \(duration): closed by an operator, no new command is sent."
        }
    }

    private var duration: String { TimeText.rough((state.endedAt ?? words.now) - state.startedAt) }

    private var doneSteps: String {
        let skipped = state.steps.count { $0.status == .skipped }
        let done = "\(state.steps.count - skipped) of \(state.steps.count) steps took effect"
        return skipped == 0
            ? "all \(state.steps.count) steps took effect" : "\(done), \(skipped) passed over by an operator"
    }

    private var stuckSteps: String {
        let steps = state.steps.indices.filter { state.steps[$0].problem != nil }.map { words.name($0) }
        return steps.isEmpty ? "skald itself could not go on with it" : steps.joined(separator: ", ")
    }

    /// What is out, or waits for its next attempt.
    private var activity: String {
        var parts: [String] = []
        for (index, step) in state.steps.enumerated() {
            for kind in CommandID.Kind.allCases {
                let command = words.command(index, kind)
                switch step[kind].wait {
                case .nothing: break
                case .reply:
                    parts.append("waits for \(words.participant(index)) to answer \(command) (\(words.name(index)))")
                case .backoff(let until):
                    let time = TimeText.clockAndDistance(until, now: words.now)
                    parts.append(
                        "asks \(words.participant(index)) again at \(time) for \(command) (\(words.name(index)))")
                }
            }
        }
        return parts.isEmpty ? "nothing is out" : parts.joined(separator: "; ")
    }

    // MARK: Why

    var why: [String] {
        var reasons: [String] = []
        if state.status == .abandoned, let entry = last({ if case .abandoned = $0 { true } else { false } }),
            case .abandoned(let reason, _, _) = entry.event
        {
            reasons.append("\(author(of: .abandon)) abandoned it: \(reason.shown(upTo: 300)).")
        }
        if state.isPaused { reasons.append("\(author(of: .pause)) paused it\(reason(of: .pause)).") }
        if let problem = state.problem {
            reasons.append("skald could not apply an input to it: \(problem.words). What it knows is in its history.")
        }
        for index in state.steps.indices where state.steps[index].problem != nil {
            reasons.append(whyStuck(index))
        }
        if let rollback = state.rollback { reasons.append(whyBackward(rollback)) }
        for (index, step) in state.steps.enumerated() {
            for kind in CommandID.Kind.allCases {
                guard step[kind].isBackingOff, let error = step[kind].error else { continue }
                reasons.append(
                    "\(words.name(index)): \(words.participant(index)) has not settled "
                        + "\(words.command(index, kind)) yet, \(error.words).")
            }
        }
        return reasons
    }

    private func whyBackward(_ rollback: Rollback) -> String {
        switch rollback.reason {
        case .cancelled: return "\(author(of: .cancel)) cancelled it\(reason(of: .cancel))."
        case .attemptsUsedUp:
            let attempts = rollback.step.map { state.steps[$0].action.attempt } ?? 0
            return "It went back: \(words.rollbackWords(rollback)), after \(attempts) attempts."
        case .stepFailed, .deadline, .outputMissing: return "It went back: \(words.rollbackWords(rollback))."
        }
    }

    private func whyStuck(_ index: Int) -> String {
        let step = state.steps[index]
        let (name, participant) = (words.name(index), words.participant(index))
        let error = (step.problem ?? StepError(code: "UNKNOWN", message: "")).words
        switch step.status {
        case .compensationFailed where step.compensation.isRefused:
            return
                "\(name) could not be undone: \(participant) refused \(words.command(index, .compensation)), \(error)."
        case .compensationFailed:
            return "\(name) could not be undone in its time: no attempt at \(words.command(index, .compensation)) "
                + "was settled, \(error). Its effect may or may not be there."
        case .succeeded where state.rollback == nil:
            return "\(name) took effect, but its output lacks what later steps need: \(error)."
        case .succeeded: return "\(name) took effect after all, when what it stood on was being undone: \(error)."
        case .failed:
            return "\(participant) refused \(name), \(error). It is past the point of no return: "
                + "this step cannot be undone and must in the end succeed."
        case .unknown where state.definition.steps[index].kind == .pivot:
            return "Nobody knows whether \(name) took effect: no attempt was settled"
                + "\(step.action.error.map { ", \($0.words)" } ?? ""), and \(participant) did not answer the question "
                + "what became of it. It is the point of no return, so it is neither passed over nor undone."
        case .unknown:
            return "Nobody knows whether \(name) took effect: no attempt was settled in its time, \(error)."
        case .pending, .inFlight, .backingOff, .skipped, .compensating, .compensated: return "\(name): \(error)."
        }
    }

    // MARK: Who

    private func last(_ condition: (SagaEvent) -> Bool) -> HistoryEntry? {
        history.last { condition($0.event) }
    }

    private func request(_ verb: OperatorVerb) -> OperatorRequest? {
        for entry in history.reversed() {
            if case .requested(let request, .applied) = entry.event, request.verb == verb { return request }
        }
        return nil
    }

    private func author(of verb: OperatorVerb) -> String {
        request(verb)?.author?.shown(upTo: 40) ?? "An operator"
    }

    private func reason(of verb: OperatorVerb) -> String {
        guard let reason = request(verb)?.reason, !reason.isEmpty else { return "" }
        return ": \(reason.shown(upTo: 300))"
    }
}
