@testable import SagaCore

/// The parts of the page `Semantics` that are drawn from the machine.
enum SemanticsPage {
    enum Part: String, CaseIterable {
        case sagaStatuses = "saga statuses"
        case stepStatuses = "step statuses"
        case verbs = "verbs"
        case actionReplies = "replies to actions"
        case compensationReplies = "replies to compensations"
    }

    static func text(of part: Part) throws -> String {
        switch part {
        case .sagaStatuses:
            diagram(SagaStatus.allCases, from: .running) { $0.successors }
        case .stepStatuses:
            diagram(StepStatus.allCases, from: .pending) { $0.successors }
        case .verbs: try verbs()
        case .actionReplies: try replies(to: .action)
        case .compensationReplies: try replies(to: .compensation)
        }
    }

    /// The page with this text between the part's markers; nil if it has no such markers.
    static func page(_ page: String, with text: String, for part: Part) -> String? {
        let (begin, end) = ("<!-- from the machine: \(part.rawValue) -->\n", "<!-- end -->")
        guard let from = page.firstRange(of: begin), let to = page[from.upperBound...].firstRange(of: end) else {
            return nil
        }
        return page[..<from.upperBound] + "\n" + text + "\n" + page[to.lowerBound...]
    }
}

// MARK: - Diagrams

extension SemanticsPage {
    private static func diagram<Status: RawRepresentable<String>>(
        _ statuses: [Status], from first: Status, _ successors: (Status) -> [Status]
    ) -> String {
        var lines = ["```mermaid", "stateDiagram-v2", "    [*] --> \(first.rawValue)"]
        for status in statuses {
            for successor in successors(status) {
                lines.append("    \(status.rawValue) --> \(successor.rawValue)")
            }
            if successors(status).isEmpty { lines.append("    \(status.rawValue) --> [*]") }
        }
        return (lines + ["```"]).joined(separator: "\n") + "\n"
    }
}

// MARK: - Verbs

extension SemanticsPage {
    private static func verbs() throws -> String {
        let columns = [
            ("running", try SampleSaga.beforePointOfNoReturn()),
            ("running, past the point of no return", try SampleSaga.pastPointOfNoReturn()),
            ("compensating", try SampleSaga.compensating()),
            ("stuck", try SampleSaga.stuck()),
            ("paused", try SampleSaga.paused()),
            ("ended", try SampleSaga.ended()),
        ]
        let rows = try OperatorVerb.allCases.map { verb in
            try ["`\(verb.rawValue)`"]
                + columns.map { _, samples in
                    let allowed = try samples.filter { try isAllowed(verb, $0.story.state, $0.story.now) }
                    if allowed.isEmpty { return "no" }
                    if allowed.count == samples.count { return "yes" }
                    return "only: " + distinct(allowed.map(\.name)).joined(separator: ", ")
                }
        }
        return table(["verb"] + columns.map(\.0), rows)
    }

    /// Whether the verb is applied for some step, with all it may need.
    private static func isAllowed(_ verb: OperatorVerb, _ state: SagaState, _ now: Timestamp) throws -> Bool {
        for step in [nil] + state.definition.steps.map({ Optional($0.name) }) {
            for claim in [PendingDecision.Claim.succeeded, .failed] {
                let request = OperatorRequest(
                    id: "sample", verb: verb, step: step, reason: "sample", claim: claim,
                    output: StoryDefinitions.output)
                var random = SplitMix64(seed: 1)
                let decision = try SagaMachine.decide(state, .request(request), at: now, using: &random)
                if case .applied? = decision.answer { return true }
            }
        }
        return false
    }
}

// MARK: - Replies

extension SemanticsPage {
    private static func replies(to kind: CommandID.Kind) throws -> String {
        var rows: [[String]] = []
        for status in StepStatus.allCases {
            let samples = try kind == .action ? SampleSaga.steps(status) : SampleSaga.compensations(status)
            guard !samples.isEmpty else { continue }
            for sample in samples where sample.story.step(sample.step)?.status != status {
                throw BrokenRule("the sample \(sample.name) of \(status) is \(sample.story.summary)")
            }
            rows.append(
                try ["`\(status.rawValue)`"] + Outcome.allCases.map { try cell(samples, kind, $0) })
        }
        let heads = Outcome.allCases.map { "`\($0.rawValue)`" }
        return table(["step"] + heads, rows)
    }

    /// What the reply does; where it depends on the sample, for each in turn.
    private static func cell(_ samples: [SampleSaga], _ kind: CommandID.Kind, _ outcome: Outcome) throws -> String {
        let results = try samples.map { (name: $0.name, result: try result(of: outcome, to: kind, $0)) }
        let texts = distinct(results.map(\.result))
        guard texts.count > 1 else { return texts.joined() }
        return texts.map { text in
            let names = distinct(results.filter { $0.result == text }.map(\.name))
            return "\(names.joined(separator: ", ")): \(text)"
        }.joined(separator: "<br>")
    }

    private static func result(of outcome: Outcome, to kind: CommandID.Kind, _ sample: SampleSaga) throws -> String {
        let before = sample.story.state
        let progress = sample.story.step(sample.step)?[kind] ?? CommandProgress()
        let reply = ReplyInput(
            command: CommandID(saga: before.id, step: sample.step, kind: kind, round: progress.round),
            attempt: max(progress.attempt, 1), outcome: outcome,
            body: outcome == .succeeded ? StoryDefinitions.output : ["code": "NO", "message": "no"])
        var random = SplitMix64(seed: 1)
        let decision = try SagaMachine.decide(before, .reply(reply), at: sample.story.now, using: &random)
        switch decision.verdict {
        case .ignored: return "counted"
        case .deadLetter(let refusal): return "dead letter `\(refusal.code)`"
        case .answeredBefore: return "answered before"
        case .applied: break
        }
        if decision.events.count == 1, case .noted = decision.events.first { return "noted" }
        guard let index = before.definition.index(ofStep: sample.step) else { return "" }
        var text = "step `\(statusReached(index, before, decision.events).rawValue)`"
        if decision.state.status != before.status { text += ", saga `\(decision.state.status.rawValue)`" }
        return text
    }

    /// What the reply itself made of the step, before the saga went on.
    private static func statusReached(_ step: Int, _ before: SagaState, _ events: [SagaEvent]) -> StepStatus {
        var state = before
        if let first = events.first { state.evolve(first, at: before.updatedAt) }
        return state.steps[step].status
    }

    private static func distinct(_ texts: [String]) -> [String] {
        texts.enumerated().filter { texts.firstIndex(of: $1) == $0 }.map(\.element)
    }

    private static func table(_ head: [String], _ rows: [[String]]) -> String {
        let rule = head.map { _ in "---" }
        return ([head, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
    }
}
