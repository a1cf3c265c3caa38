@testable import SagaCore

/// A saga driven input by input, checking after each one what must hold whatever the input was.
///
/// - The decision is the same when taken again with the same random numbers.
/// - Its events, written as JSON and read back, fold into the state that was decided.
/// - Saga and steps move only along `SagaStatus.successors` and `StepStatus.successors`.
/// - What has ended stays as it ended.
/// - The `SafetyRules` hold.
struct CheckedSaga {
    private(set) var state: SagaState
    private(set) var history: [(event: SagaEvent, at: Timestamp)] = []
    private(set) var last: Decision
    var now: Timestamp
    private var random: SplitMix64

    static let epoch = Timestamp(milliseconds: 1_750_000_000_000)
    static let id = SagaID(milliseconds: 46_310_400_000, shard: 0, sequence: 7)

    /// Starts a saga.
    init(
        _ definition: SagaDefinition, input: JSONValue, seed: UInt64, again: SagaID? = nil,
        traceparent: String? = nil, at now: Timestamp = Self.epoch
    ) throws {
        random = SplitMix64(seed: seed)
        self.now = now
        last = try SagaMachine.start(
            Self.id, definition: definition, requestID: "start-1", input: input, again: again,
            traceparent: traceparent, at: now, using: &random)
        state = SagaState(id: Self.id, definition: definition)
        try follow(last)
    }

    /// Applies one input at `now`.
    @discardableResult
    mutating func apply(_ input: SagaInput) throws -> Decision {
        var again = random
        let decision = try SagaMachine.decide(state, input, at: now, using: &random)
        let second = try SagaMachine.decide(state, input, at: now, using: &again)
        guard decision.events == second.events, decision.effects == second.effects, decision.state == second.state,
            decision.verdict == second.verdict, random == again
        else { throw BrokenRule("the same input and the same random numbers gave two decisions") }
        try follow(decision)
        return decision
    }

    /// Folds the events as they would be read from the history.
    private mutating func follow(_ decision: Decision) throws {
        let before = state
        for event in decision.events {
            let statuses = (state.status, state.steps.map(\.status))
            let read = try SagaEvent(json: event.json(state.definition), definition: state.definition)
            guard read == event else { throw BrokenRule("\(event) is read back as \(read)") }
            try SafetyRules.check(read, in: state)
            state.evolve(read, at: now)
            history.append((read, now))
            try checkTransitions(from: statuses.0, statuses.1, by: event)
        }
        guard state == decision.state else { throw BrokenRule("the events fold into another state than was decided") }
        if before.status.isTerminal, Self.ending(state) != Self.ending(before) {
            throw BrokenRule("a saga that is \(before.status.rawValue) was changed")
        }
        try SafetyRules.check(state)
        last = decision
    }

    private func checkTransitions(from saga: SagaStatus, _ steps: [StepStatus], by event: SagaEvent) throws {
        guard saga == state.status || saga.successors.contains(state.status) else {
            throw BrokenRule("\(saga) → \(state.status) by \(event)")
        }
        for (index, old) in steps.enumerated() {
            let new = state.steps[index].status
            guard old == new || old.successors.contains(new) else {
                throw BrokenRule("\(state.definition.steps[index].name): \(old) → \(new) by \(event)")
            }
        }
    }

    /// What an ended saga must keep; answers to requests and notes of late replies may be added.
    private static func ending(_ state: SagaState) -> [StepState] {
        state.steps.map { step in
            var step = step
            step.lateReplies = []
            return step
        }
    }

    /// The whole history folded anew gives the state as well.
    func checkHistory() throws {
        let folded = SagaState(id: state.id, definition: state.definition, folding: history)
        guard folded == state else { throw BrokenRule("the history folds into another state") }
    }
}
