import SagaCore
import SagaStore

/// The effects of a saga that are there now: certain ones, those nobody is sure about; and what has been undone.
struct StandingEffects {
    let certain: StepSet
    let possible: StepSet
    let undone: StepSet

    /// For a saga that can still be abandoned, what the machine would list; for an abandoned one, what it has listed.
    init(of state: SagaState, history: [HistoryEntry], at now: Timestamp) {
        undone = StepSet(state.steps.indices.filter { state.steps[$0].status == .compensated })
        var random = SplitMix64(seed: 0)
        var id = "effects"
        while state.answers[id] != nil { id += "+" }
        let request = OperatorRequest(id: id, verb: .abandon, reason: "…")
        let trial = try? SagaMachine.decide(state, .request(request), at: max(now, state.updatedAt), using: &random)
        for event in (trial?.events ?? []) + history.map(\.event) {
            if case .abandoned(_, let certain, let possible) = event {
                self.certain = certain
                self.possible = possible
                return
            }
        }
        let steps = state.steps
        certain = StepSet(
            steps.indices.filter {
                steps[$0].status == .succeeded || steps[$0].status == .skipped && steps[$0].compensation.wasSent
            })
        possible = StepSet(steps.indices.filter { steps[$0].status == .unknown })
    }
}
