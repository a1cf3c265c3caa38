import SagaCore
import SagaStore

/// What happens to a saga next if no operator does anything.
struct Outlook {
    let lines: [String]

    /// - Parameter surroundings: what is true of the file now; nil when a past moment is looked at.
    init(of state: SagaState, words: EventWords, surroundings: Surroundings) {
        let now = words.now
        var lines: [String] = []
        if state.status.isTerminal {
            self.lines = ["Nothing: it has ended."] + Self.unpublished(surroundings, now)
            return
        }
        if state.isPaused {
            lines.append("It is paused: nothing new is sent until it is resumed; replies are still taken.")
        } else if state.status == .stuck {
            lines.append("It waits for an operator; a late reply can still settle it.")
        }
        for (index, step) in state.steps.enumerated() {
            for kind in CommandID.Kind.allCases {
                lines += Self.line(for: step[kind], kind, of: index, state, words, held: surroundings.held)
            }
            if let decision = step.decision {
                lines.append(
                    "\(words.name(index)): the operator's word (\(decision.claim.words)) takes effect when "
                        + "\(words.participant(index)) has closed the step.")
            }
        }
        for silent in surroundings.silent where state.waits(for: silent.breaker.participant) {
            lines.append("\(silent.line(now: now)).")
        }
        if state.status == .running, !state.isPastPointOfNoReturn, let deadline = state.deadlineAt {
            lines.append(
                "If it is not past the point of no return by \(TimeText.clockAndDistance(deadline, now: now)), "
                    + "it is undone.")
        }
        // A wait does not count while the command has not left, or nobody is there to take the reply.
        if surroundings.isWorkerThere, surroundings.unpublished.count == 0 { lines += Self.silence(state, words) }
        if lines.isEmpty { lines.append("Nothing is awaited.") }
        self.lines = lines + Self.unpublished(surroundings, now) + Self.worker(surroundings)
    }

    private static func line(
        for progress: CommandProgress, _ kind: CommandID.Kind, of step: Int, _ state: SagaState, _ words: EventWords,
        held: Set<CommandID>
    ) -> [String] {
        let attempt = "attempt \(progress.attempt)\(progress.round > 1 ? " of round \(progress.round)" : "")"
        let command = words.command(step, kind)
        switch progress.wait {
        case .nothing: return []
        case .reply where held.contains(state.command(step, kind)):
            return [
                "\(words.name(step)): \(command) is held back until \(words.participant(step)) answers, \(attempt)."
            ]
        case .reply(let until):
            let by = TimeText.clockAndDistance(until, now: words.now)
            return ["\(words.name(step)): \(words.participant(step)) is to answer \(command) by \(by), \(attempt)."]
        case .backoff(let until) where state.isPaused:
            return ["\(words.name(step)): \(command) was to be sent again at \(TimeText.clock(until, now: words.now))."]
        case .backoff(let until):
            let time = TimeText.clockAndDistance(until, now: words.now)
            let budget = budget(progress, kind, step, state, words)
            return ["\(words.name(step)): \(command) is sent again at \(time), after \(attempt)\(budget)."]
        }
    }

    private static func budget(
        _ progress: CommandProgress, _ kind: CommandID.Kind, _ step: Int, _ state: SagaState, _ words: EventWords
    ) -> String {
        if let end = progress.budgetEndsAt { return ", until \(TimeText.clockAndDistance(end, now: words.now))" }
        guard kind == .action, progress.attemptsBeforeBudget == 0 else { return "" }
        return " of \(state.definition.steps[step].retry.attempts)"
    }

    /// What the machine does if nobody answers until the saga wakes by itself.
    private static func silence(_ state: SagaState, _ words: EventWords) -> [String] {
        guard let wakeAt = state.wakeAt, state.steps.contains(where: \.awaitsReply) else { return [] }
        var random = SplitMix64(seed: 0)
        let time = max(wakeAt, state.updatedAt)
        guard let decision = try? SagaMachine.decide(state, .wake(WakeInput()), at: time, using: &random) else {
            return []
        }
        let then = decision.events.compactMap { event -> String? in
            switch event {
            case .backedOff(let step, let kind, _, _): "\(words.command(step, kind)) is sent again after a pause"
            case .unsettled(let step, let kind, _): "\(words.command(step, kind)) gets no further attempt"
            case .rollbackStarted: "the saga goes back"
            case .stuck: "the saga is stuck and needs an operator"
            case .sent(let sent): "\(words.command(sent.step, sent.kind)) is sent to \(words.participant(sent.step))"
            case .completed, .compensated: "the saga is \(decision.state.status.rawValue)"
            case .started, .rearmed, .succeeded, .failed, .proceeded, .retried, .decisionPending, .decisionLapsed,
                .resolved, .paused, .resumed, .cancelRequested, .requested, .noted, .abandoned:
                nil
            }
        }
        guard !then.isEmpty else { return [] }
        return ["If nothing is heard until \(TimeText.clock(wakeAt, now: words.now)): \(then.joined(separator: ", "))."]
    }

    private static func unpublished(_ surroundings: Surroundings, _ now: Timestamp) -> [String] {
        let count = surroundings.unpublished.count - surroundings.held.count
        guard count > 0, let since = surroundings.unpublished.since else { return [] }
        let what = count == 1 ? "1 message of it has" : "\(count) messages of it have"
        return ["\(what) not been confirmed by the broker, since \(TimeText.clockAndDistance(since, now: now))."]
    }

    private static func worker(_ surroundings: Surroundings) -> [String] {
        guard !surroundings.isWorkerThere else { return [] }
        return [
            surroundings.isEmbedded
                ? "No process has the database open: it goes on when an operator's command runs the embedded system."
                : "No worker has the database open: nothing happens until skald worker runs."
        ]
    }
}

extension SagaState {
    /// The id of a step's command in its present round.
    func command(_ step: Int, _ kind: CommandID.Kind) -> CommandID {
        CommandID(saga: id, step: definition.steps[step].name, kind: kind, round: steps[step][kind].round)
    }

    fileprivate func waits(for participant: String) -> Bool {
        steps.indices.contains { index in
            definition.steps[index].participant == participant
                && CommandID.Kind.allCases.contains { steps[index][$0].isWaiting }
        }
    }
}

extension StepState {
    fileprivate var awaitsReply: Bool { action.isInFlight || compensation.isInFlight || fence.isInFlight }
}
