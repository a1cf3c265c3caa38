import SagaCore

/// States of recently touched open sagas, so that an input seldom has to fold a history. Bounded; changed only after
/// a commit.
struct StateCache {
    private var states: [SagaID: SagaState] = [:]
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    subscript(id: SagaID) -> SagaState? { states[id] }

    mutating func keep(_ changed: some Sequence<SagaState>) {
        for state in changed {
            states[state.id] = state.status.isTerminal ? nil : state
        }
        // Which ones go is of little matter: a state that is missed is folded anew.
        while states.count > capacity, let victim = states.keys.first { states[victim] = nil }
    }

    mutating func remove(_ ids: Set<SagaID>) {
        for id in ids { states[id] = nil }
    }

    mutating func removeAll() { states.removeAll() }
}

/// Which sagas have a command out that is not overdue: what the window for new starts counts (rule 23).
struct SagasInFlight {
    private var until: [SagaID: Timestamp] = [:]

    /// - Parameter isHeld: whether a command is held back, so that it is not out.
    mutating func note(_ changed: some Sequence<SagaState>, isHeld: (CommandID) -> Bool) {
        for state in changed {
            var latest: Timestamp?
            for index in state.steps.indices {
                for kind in [CommandID.Kind.action, .compensation] {
                    guard case .reply(let until) = state.steps[index].wait(of: kind),
                        latest.map({ $0 < until }) != false
                    else { continue }
                    let command = CommandID(
                        saga: state.id, step: state.definition.steps[index].name, kind: kind,
                        round: state.steps[index][kind].round)
                    if !isHeld(command) { latest = until }
                }
            }
            until[state.id] = latest
        }
    }

    mutating func count(at now: Timestamp, ifAtLeast bound: Int) -> Int {
        if until.count >= bound { until = until.filter { $0.value > now } }
        return until.count
    }

    mutating func removeAll() { until.removeAll() }
}
