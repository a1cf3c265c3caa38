@testable import SagaCore

/// One saga that is told anything that could be said to it, in any order: the seed decides what.
///
/// Participants lie (F5): every command ever sent may be answered with every outcome, at any time, again and again.
struct RandomWalk {
    private(set) var saga: CheckedSaga
    private var random: SplitMix64
    private var sent: [(id: CommandID, attempt: Int)] = []
    private var requests = 0
    /// What it was told, for a failing seed.
    private(set) var told: [String] = []

    init(_ definition: SagaDefinition, seed: UInt64) throws {
        saga = try CheckedSaga(definition, input: StoryDefinitions.input, seed: seed)
        random = SplitMix64(seed: ~seed)
        remember(saga.last)
    }

    mutating func takeSteps(_ count: Int) throws {
        for _ in 0..<count {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<35: try reply(to: sent[max(0, sent.count - 3)...].randomElement(using: &random))
            case 35..<45: try reply(to: sent.randomElement(using: &random))
            case 45..<55: try reply(to: openCommand)
            case 55..<85: try wake()
            case 85..<98: try tell(.request(anyRequest()))
            case 98: try tell(.fault(Refusal(code: .internal, message: "a fault of ours")))
            default: saga.now = saga.now.adding(milliseconds: Int64.random(in: 0...7_200_000, using: &random))
            }
        }
    }

    private mutating func tell(_ input: SagaInput) throws {
        told.append("\(saga.now) \(input.brief)")
        remember(try saga.apply(input))
    }

    private mutating func remember(_ decision: Decision) {
        for command in decision.commands { sent.append((command.id, command.attempt)) }
    }
}

// MARK: - What it is told

extension RandomWalk {
    private mutating func reply(to command: (id: CommandID, attempt: Int)?) throws {
        guard let command else { return }
        let outcome = Outcome.allCases.randomElement(using: &random) ?? .succeeded
        var body: JSONValue = ["code": "NO", "message": "no"]
        switch (outcome, command.id.kind) {
        case (.succeeded, _): body = chance(90) ? StoryDefinitions.output : [:]
        case (_, .fence): body = chance(80) ? ["code": "FENCED", "message": "closed"] : body
        case (.failed, _): body = chance(90) ? body : ["code": "FENCED", "message": "closed"]
        case (.retry, _): break
        }
        try tell(
            .reply(
                ReplyInput(
                    command: command.id, attempt: chance(80) ? command.attempt : Int.random(in: 0...6, using: &random),
                    outcome: outcome,
                    retryAfterMilliseconds: chance(20) ? Int64.random(in: 0...600_000, using: &random) : nil,
                    body: body)))
    }

    /// Mostly when the saga asked for it, else too early or too late; sometimes after an outage.
    private mutating func wake() throws {
        if let wakeAt = saga.state.wakeAt, chance(90) { saga.now = max(saga.now, wakeAt) }
        if chance(10) { saga.now = saga.now.adding(milliseconds: Int64.random(in: 0...600_000, using: &random)) }
        let unsent = chance(10) ? sent.randomElement(using: &random).map { [$0.id] } ?? [] : []
        let connectedSince = chance(10) ? saga.now.adding(milliseconds: -10_000) : CheckedSaga.epoch
        let held = chance(50) ? unsent : []
        try tell(.wake(WakeInput(unsent: Set(unsent), held: Set(held), connectedSince: connectedSince)))
        if let left = held.first, chance(50) { try tell(.leaves(left)) }
    }

    private mutating func anyRequest() -> OperatorRequest {
        requests += 1
        let verbs: [OperatorVerb] = [.retry, .retry, .skip, .resolve, .resolve, .cancel, .pause, .resume, .resume]
        let step = saga.state.definition.steps.randomElement(using: &random)?.name
        return OperatorRequest(
            id: "request-\(chance(95) ? requests : 1)",
            verb: chance(2) ? .abandon : verbs.randomElement(using: &random) ?? .retry,
            step: chance(80) ? stuckStep() ?? step : nil, reason: "because",
            claim: chance(50) ? .succeeded : .failed, output: chance(80) ? StoryDefinitions.output : nil,
            expectedSequence: chance(5) ? saga.state.sequence - 1 : nil)
    }

    private mutating func stuckStep() -> String? {
        let stuck = saga.state.steps.indices.filter { saga.state.steps[$0].problem != nil }
        return stuck.randomElement(using: &random).map { saga.state.definition.steps[$0].name }
    }

    private mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }
}

// MARK: - How it ends

extension RandomWalk {
    /// From now on every command is answered `succeeded`, time passes and an operator does what the saga asks for.
    mutating func bringToAnEnd() throws {
        for _ in 0..<200 {
            let state = saga.state
            guard !state.status.isTerminal else { return }
            if state.isPaused {
                try ask(.resume)
            } else if let open = openCommand {
                try tell(
                    .reply(
                        ReplyInput(
                            command: open.id, attempt: open.attempt, outcome: .succeeded, body: StoryDefinitions.output)
                    ))
            } else if let wakeAt = state.wakeAt {
                saga.now = max(saga.now, wakeAt)
                try tell(.wake(WakeInput()))
            } else if state.status == .stuck {
                try settleStuck()
            } else {
                throw BrokenRule("it waits for nothing")
            }
        }
        throw BrokenRule("it does not end")
    }

    private var openCommand: (id: CommandID, attempt: Int)? {
        for (index, step) in saga.state.steps.enumerated() {
            for kind in CommandID.Kind.allCases where step[kind].isInFlight {
                let name = saga.state.definition.steps[index].name
                return (
                    CommandID(saga: saga.state.id, step: name, kind: kind, round: step[kind].round), step[kind].attempt
                )
            }
        }
        return nil
    }

    /// Retry, or what the refusal of the retry asks for; abandon only what contradicted itself.
    private mutating func settleStuck() throws {
        try ask(.retry)
        if case .applied? = saga.last.answer { return }
        guard let index = saga.state.steps.firstIndex(where: { $0.problem != nil }) else {
            throw BrokenRule("stuck, and retry is refused without a stuck step")
        }
        let step = saga.state.definition.steps[index].name
        if saga.state.steps[index].problem?.code == "OUTPUT_MISSING" {
            try ask(.resolve, step)
        } else if saga.state.steps[index].problem?.code == "REPLY_CONTRADICTS" {
            try ask(.abandon)
        }
        guard case .applied? = saga.last.answer else { throw BrokenRule("no verb helps the stuck step \(step)") }
    }

    private mutating func ask(_ verb: OperatorVerb, _ step: String? = nil) throws {
        requests += 1
        try tell(
            .request(
                OperatorRequest(
                    id: "end-\(requests)", verb: verb, step: step, reason: "to end it", claim: .succeeded,
                    output: StoryDefinitions.output)))
    }
}

extension SagaInput {
    /// The input in a line, to read a failing walk by.
    var brief: String {
        switch self {
        case .reply(let reply):
            let command = reply.command
            return "\(command.step)/\(command.kind)/\(command.round)#\(reply.attempt) \(reply.outcome) \(reply.body)"
        case .wake(let wake): return "wakes\(wake.unsent.isEmpty ? "" : ", unsent: \(wake.unsent)")"
        case .leaves(let command): return "\(command) leaves"
        case .request(let request):
            return "\(request.verb) \(request.step ?? "") \(request.claim?.rawValue ?? "")"
        case .fault: return "fault"
        }
    }
}
