@testable import SagaCore
import Testing

/// One saga's story: what happens to it, and after each event what is expected of it.
///
/// Commands are written `step/kind/round#attempt`. Everything a `CheckedSaga` checks is checked after each input.
final class Story {
    private var saga: CheckedSaga
    private var requests = 0

    var state: SagaState { saga.state }
    var now: Timestamp { saga.now }
    var last: Decision { saga.last }
    var history: [SagaEvent] { saga.history.map(\.event) }
    var timedHistory: [(event: SagaEvent, at: Timestamp)] { saga.history }

    /// Starts the saga, whose first commands are then expected.
    init(
        _ definition: SagaDefinition, input: JSONValue = StoryDefinitions.input, seed: UInt64 = 1,
        again: SagaID? = nil, traceparent: String? = nil
    ) throws {
        saga = try CheckedSaga(definition, input: input, seed: seed, again: again, traceparent: traceparent)
    }
}

// MARK: - What happens

extension Story {
    /// A participant replies to the step's command of the present round and attempt, unless the story says which.
    func reply(
        _ step: String, _ outcome: Outcome, _ body: JSONValue = [:], to kind: CommandID.Kind = .action,
        round: Int? = nil, attempt: Int? = nil, after: Duration? = nil, source: SourceLocation = #_sourceLocation
    ) {
        let progress = state.definition.index(ofStep: step).map { state.steps[$0][kind] } ?? CommandProgress()
        happens(
            .reply(
                ReplyInput(
                    command: CommandID(saga: state.id, step: step, kind: kind, round: round ?? progress.round),
                    attempt: attempt ?? progress.attempt, outcome: outcome,
                    retryAfterMilliseconds: after.map(\.milliseconds), body: body)), source)
    }

    /// The step's action succeeds with all that later steps need.
    func succeeds(_ steps: String..., source: SourceLocation = #_sourceLocation) {
        for step in steps { reply(step, .succeeded, StoryDefinitions.output, source: source) }
    }

    func fails(
        _ step: String, _ code: String = "NO", to kind: CommandID.Kind = .action,
        source: SourceLocation = #_sourceLocation
    ) {
        reply(step, .failed, ["code": .string(code), "message": "no"], to: kind, source: source)
    }

    func undone(_ steps: String..., source: SourceLocation = #_sourceLocation) {
        for step in steps { reply(step, .succeeded, to: .compensation, source: source) }
    }

    /// The participant's library answers the fence: the effect stands, or the barrier is closed.
    func fenceAnswers(_ step: String, effect: Bool, round: Int? = nil, source: SourceLocation = #_sourceLocation) {
        if effect {
            reply(step, .succeeded, StoryDefinitions.output, to: .fence, round: round, source: source)
        } else {
            reply(step, .failed, ["code": "FENCED", "message": "closed"], to: .fence, round: round, source: source)
        }
    }

    /// Time passes and nobody notices.
    func passes(_ duration: Duration) {
        saga.now = now.adding(milliseconds: duration.milliseconds)
    }

    func wakes(
        unsent: [String] = [], held: [String] = [], connectedSince: Timestamp = Timestamp(milliseconds: 0),
        source: SourceLocation = #_sourceLocation
    ) {
        func ids(_ texts: [String]) -> Set<CommandID> { Set(texts.compactMap { CommandID("\(state.id)/\($0)") }) }
        happens(
            .wake(WakeInput(unsent: ids(unsent + held), held: ids(held), connectedSince: connectedSince)), source)
    }

    /// A command that was held back is published.
    func leaves(_ command: String, source: SourceLocation = #_sourceLocation) {
        guard let id = CommandID("\(state.id)/\(command)") else {
            Issue.record("\(command) is no command", sourceLocation: source)
            return
        }
        happens(.leaves(id), source)
    }

    /// Time passes until the saga has asked to be woken.
    func sleeps(held: [String] = [], source: SourceLocation = #_sourceLocation) {
        guard let wakeAt = state.wakeAt else {
            Issue.record("the saga waits for no time", sourceLocation: source)
            return
        }
        saga.now = max(now, wakeAt)
        wakes(held: held, source: source)
    }

    /// Nobody replies until the saga's status is this.
    func nobodyReplies(until status: SagaStatus, source: SourceLocation = #_sourceLocation) {
        sleeps(source) { $0.status == status }
    }

    /// Nobody replies until the step has been fenced.
    func nobodyReplies(untilFenced step: String, source: SourceLocation = #_sourceLocation) {
        sleeps(source) { state in state.definition.index(ofStep: step).map { state.steps[$0].fence.isInFlight } ?? true
        }
    }

    /// Nobody answers the fence until the operator's decision about the step is void.
    func nobodyReplies(untilLapsed step: String, source: SourceLocation = #_sourceLocation) {
        sleeps(source) { state in state.definition.index(ofStep: step).map { state.steps[$0].decision == nil } ?? true }
    }

    private func sleeps(_ source: SourceLocation, until isReached: (SagaState) -> Bool) {
        var naps = 0
        while !isReached(state) {
            naps += 1
            // Longer than any budget here lasts.
            guard state.wakeAt != nil, naps < 10_000 else {
                Issue.record("it never came to that; \(summary)", sourceLocation: source)
                return
            }
            sleeps(source: source)
        }
    }

    func operatorDoes(
        _ verb: OperatorVerb, _ step: String? = nil, reason: String? = nil, as claim: PendingDecision.Claim? = nil,
        output: JSONValue? = nil, expecting sequence: Int? = nil, id: String? = nil,
        source: SourceLocation = #_sourceLocation
    ) {
        requests += 1
        happens(
            .request(
                OperatorRequest(
                    id: id ?? "request-\(requests)", verb: verb, step: step, reason: reason, claim: claim,
                    output: output, expectedSequence: sequence, author: "ann")), source)
    }

    func faults(source: SourceLocation = #_sourceLocation) {
        happens(.fault(Refusal(code: .internal, message: "a fault of ours")), source)
    }

    private func happens(_ input: SagaInput, _ source: SourceLocation) {
        do {
            try saga.apply(input)
        } catch {
            Issue.record("\(input): \(error)", sourceLocation: source)
        }
    }
}

// MARK: - What is expected

extension Story {
    /// What the last input sent, in order.
    func expect(commands expected: String..., source: SourceLocation = #_sourceLocation) {
        #expect(last.commands.map(\.story) == expected, "\(self.summary)", sourceLocation: source)
    }

    func expectNoCommands(source: SourceLocation = #_sourceLocation) {
        #expect(last.commands.map(\.story) == [], "\(self.summary)", sourceLocation: source)
    }

    func expect(status: SagaStatus, source: SourceLocation = #_sourceLocation) {
        #expect(state.status == status, "\(self.summary)", sourceLocation: source)
    }

    func expect(_ step: String, _ status: StepStatus, source: SourceLocation = #_sourceLocation) {
        #expect(self.step(step)?.status == status, "\(self.summary)", sourceLocation: source)
    }

    /// The problem of a step, or of the saga itself, by its code; nil for none.
    func expect(problem code: String?, of step: String? = nil, source: SourceLocation = #_sourceLocation) {
        let problem = step.map { self.step($0)?.problem } ?? state.problem
        #expect(problem?.code == code, "\(self.summary)", sourceLocation: source)
    }

    func expect(rollback reason: Rollback.Reason?, by step: String? = nil, source: SourceLocation = #_sourceLocation) {
        #expect(state.rollback?.reason == reason, sourceLocation: source)
        #expect(state.rollback?.step == step.flatMap { state.definition.index(ofStep: $0) }, sourceLocation: source)
    }

    func expect(published expected: String..., source: SourceLocation = #_sourceLocation) {
        #expect(last.published == expected, sourceLocation: source)
    }

    /// The last input changed nothing at all and is only counted.
    func expectIgnored(source: SourceLocation = #_sourceLocation) {
        guard case .ignored = last.verdict, last.events.isEmpty else {
            Issue.record("\(last.verdict) with \(last.events)", sourceLocation: source)
            return
        }
    }

    /// The last input is in the history as a late reply and changed nothing else.
    func expectNoted(source: SourceLocation = #_sourceLocation) {
        guard last.events.count == 1, case .noted = last.events.first else {
            Issue.record("\(last.verdict) with \(last.events)", sourceLocation: source)
            return
        }
    }

    func expect(deadLetter code: RefusalCode, source: SourceLocation = #_sourceLocation) {
        guard case .deadLetter(let refusal) = last.verdict, refusal.code == code, last.events.isEmpty else {
            Issue.record("\(last.verdict) with \(last.events)", sourceLocation: source)
            return
        }
    }

    func expectApplied(_ part: String = "", source: SourceLocation = #_sourceLocation) {
        guard case .applied(let text)? = last.answer, part.isEmpty || text.contains(part) else {
            Issue.record("\(String(describing: last.answer))", sourceLocation: source)
            return
        }
    }

    /// The request was refused and did nothing else.
    func expectRefused(_ code: RefusalCode = .notAllowed, source: SourceLocation = #_sourceLocation) {
        guard case .refused(let refusal)? = last.answer, refusal.code == code, last.events.count == 1 else {
            Issue.record("\(String(describing: last.answer))", sourceLocation: source)
            return
        }
    }

    func step(_ name: String) -> StepState? {
        state.definition.index(ofStep: name).map { state.steps[$0] }
    }

    /// The saga in one line, for a failed expectation.
    var summary: String {
        let steps = zip(state.definition.steps, state.steps).map { "\($0.name) \($1.status)" }
        return "\(state.status)\(state.isPaused ? ", paused" : ""): \(steps.joined(separator: ", "))"
    }
}

extension Decision {
    var commands: [OutgoingCommand] {
        effects.compactMap { if case .send(let command) = $0 { command } else { nil } }
    }

    var published: [String] {
        effects.compactMap { if case .publish(let type, _) = $0 { type } else { nil } }
    }

    var answer: OperatorAnswer? {
        for case .answer(_, let answer) in effects { return answer }
        return nil
    }
}

extension OutgoingCommand {
    var story: String { "\(id.step)/\(id.kind)/\(id.round)#\(attempt)" }
}

extension Duration {
    var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
