/// What may never happen, whatever a saga is told and however its participants lie.
///
/// A referee for tests and simulations, written apart from the machine it watches.
package enum SafetyRules {
    /// Checks an event against the state it happens to.
    package static func check(_ event: SagaEvent, in state: SagaState) throws {
        switch event {
        case .sent(let sent): try check(sent, in: state)
        case .rollbackStarted:
            guard state.rollback == nil else { throw BrokenRule("it turns back twice") }
            guard !state.isPastPointOfNoReturn else { throw BrokenRule("it turns back past the point of no return") }
        case .backedOff(let step, .action, _, _):
            guard state.rollback == nil else { throw BrokenRule("\(step) gets another attempt after the turn") }
        case .failed(let step, let kind, let error):
            guard error != .timeout else { throw BrokenRule("no reply is taken for a refusal of \(step)/\(kind)") }
        case .retried(let step, let kind, let round) where kind != .fence:
            let progress = state.steps[step][kind]
            guard round == progress.round || progress.isRefused && round == progress.round + 1 else {
                throw BrokenRule("\(step)/\(kind) gets a new id although it was not refused")
            }
        case .resolved(let step, _, _, _):
            guard state.steps[step].decision != nil || state.steps[step].status == .succeeded else {
                throw BrokenRule("an operator's word about \(step) counts before the fence is answered")
            }
        case .succeeded, .backedOff, .started, .rearmed, .unsettled, .stuck, .proceeded, .retried,
            .decisionPending, .decisionLapsed, .paused, .resumed, .cancelRequested, .requested,
            .noted, .completed, .compensated, .abandoned:
            break
        }
    }

    private static func check(_ sent: SentCommand, in state: SagaState) throws {
        let step = state.steps[sent.step]
        let definition = state.definition.steps[sent.step]
        var what: String { "\(definition.name)/\(sent.kind)/\(sent.round)#\(sent.attempt)" }
        let progress = step[sent.kind]
        guard !state.isPaused else { throw BrokenRule("\(what) is sent while paused") }
        guard !state.status.isTerminal else { throw BrokenRule("\(what) is sent after the end") }
        guard !progress.isInFlight else { throw BrokenRule("\(what) is sent while an attempt is in flight") }
        guard sent.round == progress.round, sent.attempt == progress.attempt + 1 else {
            throw BrokenRule("\(what) is sent, out of turn")
        }
        let isNew = sent.round == 1 && sent.attempt == 1
        if isNew, sent.kind != .fence, state.status == .stuck { throw BrokenRule("\(what) is sent while stuck") }
        switch sent.kind {
        case .action:
            guard state.rollback == nil else { throw BrokenRule("\(what) is sent after the turn") }
            guard definition.after.allSatisfy({ state.steps[$0].isDone }) else {
                throw BrokenRule("\(what) is sent before the steps it waits for")
            }
            guard definition.kind != .compensatable || progress.attemptsOfBudget < definition.retry.attempts else {
                throw BrokenRule("\(what) is beyond its attempts")
            }
        case .compensation:
            guard state.rollback != nil else { throw BrokenRule("\(what) is sent while going forward") }
            guard step.action.wasSent, step.status != .failed else { throw BrokenRule("\(what) undoes nothing") }
            let pivotStands = state.definition.pivot.map { state.steps[$0].status == .succeeded } ?? false
            if isNew, pivotStands { throw BrokenRule("\(what) is sent though the pivot succeeded") }
            if isNew, !state.definition.descendants[sent.step].isDisjoint(with: state.compensationSet) {
                throw BrokenRule("\(what) is sent before the steps after it are undone")
            }
            if isNew, state.steps.contains(where: { $0.action.isInFlight }) {
                throw BrokenRule("\(what) is sent while an action is in flight")
            }
        case .fence:
            guard definition.kind == .pivot || step.decision != nil else {
                throw BrokenRule("\(what) asks for nothing")
            }
        }
    }

    /// Checks a state after an input.
    package static func check(_ state: SagaState) throws {
        let open = state.steps.filter { $0.action.isWaiting || $0.compensation.isWaiting || $0.fence.isWaiting }
        guard open.allSatisfy({ !($0.action.isWaiting && $0.compensation.isWaiting) }) else {
            throw BrokenRule("a step's action and its compensation are both out")
        }
        guard state.status.isTerminal || state.steps.allSatisfy({ $0.decision == nil || $0.problem != nil }) else {
            throw BrokenRule("an operator decided about a step that is not stuck")
        }
        switch state.status {
        case .completed:
            guard state.steps.allSatisfy(\.isDone) else { throw BrokenRule("completed, but not every step") }
        case .compensated:
            guard state.compensationSet.isEmpty else { throw BrokenRule("compensated, but not every step") }
        case .running, .compensating:
            if state.hasProblem { throw BrokenRule("it goes on although something is stuck") }
            if !state.isPaused, open.isEmpty { throw BrokenRule("it waits for nothing") }
        case .stuck:
            guard state.hasProblem else { throw BrokenRule("stuck for no reason") }
        case .abandoned: break
        }
        if state.status.isTerminal, !open.isEmpty { throw BrokenRule("it has ended and waits") }
        guard state.isPaused || state.status.isTerminal || open.isEmpty || state.wakeAt != nil else {
            throw BrokenRule("it waits and is never woken")
        }
    }
}

/// A rule of the machine that an input has broken.
package struct BrokenRule: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
