/// What the machine made of an input.
package struct Decision: Sendable {
    /// What has happened, in order; empty if the input changes nothing.
    package let events: [SagaEvent]
    package let effects: [Effect]
    /// The events folded into the state the input met.
    package let state: SagaState
    package let verdict: Verdict

    package enum Verdict: Sendable, Hashable {
        case applied
        /// A repeated or late input. Counted, not recorded.
        case ignored(String)
        /// The message contradicts what is settled, or answers nothing that was asked: a dead letter.
        case deadLetter(Refusal)
        /// The request had been answered before.
        case answeredBefore(OperatorAnswer)
    }
}

/// The saga state machine: an input and a state give events, events folded give the state, an event names its effects.
///
/// Pure: time and randomness are arguments, and nothing is done here, only decided. One value handles one input: it
/// folds each event as it emits it and then sees how far the saga can go (`advance`). The topics are in the files
/// `SagaMachine+….swift`: a timeout is decided in `SagaMachine+Timers.swift`, a reply in `+Replies`, what is sent next
/// in `+Progress`, an operator's request in `+Operator`.
package struct SagaMachine {
    package internal(set) var state: SagaState
    var events: [SagaEvent] = []
    var effects: [Effect] = []
    let now: Timestamp
    var random: SplitMix64

    /// Starts a saga.
    ///
    /// - Throws: `INPUT_MISSING` if the definition refers to data the input lacks, `KEY_FORMAT` if the business key is
    ///   no string or integer of 1…200 bytes.
    package static func start(
        _ id: SagaID, definition: SagaDefinition, requestID: String, input: JSONValue, again: SagaID? = nil,
        traceparent: String? = nil, at now: Timestamp, using random: inout SplitMix64
    ) throws(Refusal) -> Decision {
        try definition.checkInput(input)
        let key = try definition.businessKey(of: input)
        var machine = SagaMachine(
            state: SagaState(id: id, definition: definition), now: now, random: random)
        try machine.emit(
            .started(
                SagaStart(
                    requestID: requestID, key: key, input: input,
                    deadlineAt: definition.deadlineMilliseconds.map { now.adding(milliseconds: $0) }, again: again,
                    traceparent: traceparent)))
        try machine.advance()
        random = machine.random
        return machine.decision(.applied)
    }

    /// What this input makes of this saga.
    ///
    /// - Throws: `INTERNAL` for a fault of ours; the saga is then as it was.
    package static func decide(
        _ state: SagaState, _ input: SagaInput, at now: Timestamp, using random: inout SplitMix64
    ) throws(Refusal) -> Decision {
        var machine = SagaMachine(state: state, now: now, random: random)
        let verdict: Decision.Verdict
        switch input {
        case .reply(let reply): verdict = try machine.handle(reply)
        case .wake(let wake): verdict = try machine.handle(wake)
        case .leaves(let command): verdict = try machine.leaves(command)
        case .request(let request): verdict = try machine.handle(request)
        case .fault(let refusal): verdict = try machine.handle(refusal)
        }
        try machine.advance()
        random = machine.random
        return machine.decision(verdict)
    }

    init(state: SagaState, now: Timestamp, random: SplitMix64) {
        self.state = state
        self.now = now
        self.random = random
    }

    mutating func emit(_ event: SagaEvent) throws(Refusal) {
        state.evolve(event, at: now)
        events.append(event)
        effects += try state.effects(of: event)
    }

    private func decision(_ verdict: Decision.Verdict) -> Decision {
        Decision(events: events, effects: effects, state: state, verdict: verdict)
    }

    private mutating func handle(_ fault: Refusal) throws(Refusal) -> Decision.Verdict {
        guard !state.status.isTerminal else { return .deadLetter(fault) }
        try emit(.stuck(step: nil, error: StepError(code: fault.code.rawValue, message: fault.message)))
        return .applied
    }
}
