@testable import SagaCore

/// A saga among participants that keep the rules, a network that repeats, reorders and loses, and busy operators.
///
/// Any of F4, F6, F7, F8, F9, F10, F11 and F12 happens, one during another (F28). At the end the books are checked: I2,
/// I4 and I6.
struct HonestWorld {
    private(set) var saga: CheckedSaga
    private var participants = ModelParticipants()
    private var commands: [OutgoingCommand] = []
    private var replies: [ReplyInput] = []
    private var random: SplitMix64
    private var requests = 0
    /// Steps an operator has decided about: the books need not balance there.
    private var decided: Set<String> = []
    private(set) var told: [String] = []

    init(_ definition: SagaDefinition, seed: UInt64) throws {
        saga = try CheckedSaga(definition, input: StoryDefinitions.input, seed: seed)
        random = SplitMix64(seed: ~seed)
        commands += saga.last.commands
    }

    /// Lets things happen, then lets all be well, then checks the books.
    mutating func live(steps: Int) throws {
        for _ in 0..<steps {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<35: deliverCommand()
            case 35..<70: try deliverReply()
            case 70..<92: try wake()
            default: try operate()
            }
        }
        try becomeWell()
        // What was still under way when the saga ended arrives as well.
        while !commands.isEmpty || !replies.isEmpty {
            deliverCommand()
            try deliverReply()
        }
        try checkBooks()
    }

    private mutating func tell(_ input: SagaInput) throws {
        told.append("\(saga.now) \(input.brief)")
        let decision = try saga.apply(input)
        if case .deadLetter(let refusal) = decision.verdict { throw BrokenRule("a dead letter: \(refusal)") }
        if decision.events.contains(where: \.contradicts) { throw BrokenRule("a contradiction") }
        commands += decision.commands
    }

    private mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }
}

// MARK: - What happens

extension HonestWorld {
    /// Any command that is under way arrives, sometimes twice; its reply may be lost.
    private mutating func deliverCommand() {
        guard let index = commands.indices.randomElement(using: &random) else { return }
        let command = commands[index]
        if participants.isWell || chance(85) { commands.remove(at: index) }
        let (outcome, body) = participants.handle(command, using: &random)
        told.append("    \(command.story) is answered \(outcome)")
        guard participants.isWell || chance(85) else { return }
        replies.append(ReplyInput(command: command.id, attempt: command.attempt, outcome: outcome, body: body))
    }

    private mutating func deliverReply() throws {
        guard let index = replies.indices.randomElement(using: &random) else { return }
        let reply = replies[index]
        if participants.isWell || chance(85) { replies.remove(at: index) }
        try tell(.reply(reply))
    }

    private mutating func wake() throws {
        guard let wakeAt = saga.state.wakeAt else { return }
        saga.now = max(saga.now, wakeAt)
        let unsent = chance(5) ? Set(commands.suffix(1).map(\.id)) : []
        try tell(.wake(WakeInput(unsent: unsent)))
    }

    private mutating func operate() throws {
        let stuck = saga.state.steps.indices.filter { saga.state.steps[$0].problem != nil }
        let step = stuck.randomElement(using: &random).map { saga.state.definition.steps[$0].name }
        let verbs: [OperatorVerb] = [.retry, .retry, .skip, .resolve, .resolve, .cancel, .pause, .resume, .resume]
        var verb = verbs.randomElement(using: &random) ?? .retry
        if chance(2) { verb = .abandon }
        try ask(verb, step, as: chance(50) ? .succeeded : .failed)
    }

    private mutating func ask(
        _ verb: OperatorVerb, _ step: String? = nil, as claim: PendingDecision.Claim = .succeeded
    ) throws {
        requests += 1
        try tell(
            .request(
                OperatorRequest(
                    id: "request-\(requests)", verb: verb, step: step, reason: "busy", claim: claim,
                    output: StoryDefinitions.output)))
        if let step, case .applied? = saga.last.answer, verb == .skip || verb == .resolve { decided.insert(step) }
    }

    /// Everybody succeeds from now on, nothing is lost, and an operator retries what is stuck.
    private mutating func becomeWell() throws {
        participants.isWell = true
        for _ in 0..<500 {
            guard !saga.state.status.isTerminal else { return }
            if saga.state.isPaused {
                try ask(.resume)
            } else if !commands.isEmpty || !replies.isEmpty {
                deliverCommand()
                try deliverReply()
            } else if saga.state.wakeAt != nil {
                try wake()
            } else {
                try ask(.retry)
                guard case .applied? = saga.last.answer else { throw BrokenRule("retry does not help") }
            }
        }
        throw BrokenRule("it does not end")
    }
}

// MARK: - The books

extension HonestWorld {
    private func checkBooks() throws {
        for (definition, state) in zip(saga.state.definition.steps, saga.state.steps) {
            let books = participants[definition.name]
            let what = "\(definition.name), \(state.status): \(books.effects) made, \(books.undone) undone"
            guard books.effects <= 1, books.undone <= books.effects else { throw BrokenRule("I2: \(what)") }
            if state.status == .skipped, !state.compensation.wasSent, books.effectStands {
                throw BrokenRule("passed over, and took effect later: \(what)")
            }
            guard !decided.contains(definition.name) else { continue }
            switch saga.state.status {
            case .completed:
                guard books.effectStands else { throw BrokenRule("I4, completed: \(what)") }
            case .compensated:
                guard !books.effectStands || definition.kind == .compensatable && definition.compensation == .none
                else { throw BrokenRule("I4, compensated: \(what)") }
            case .running, .compensating, .stuck, .abandoned: break
            }
        }
        try checkAbandoned()
    }

    /// What was listed as certain stands, and nothing stands that was not listed.
    private func checkAbandoned() throws {
        for case .abandoned(_, let certain, let possible) in saga.history.map(\.event) {
            for (index, definition) in saga.state.definition.steps.enumerated()
            where !decided.contains(definition.name) {
                let stands = participants[definition.name].effectStands
                if certain.contains(index), !stands { throw BrokenRule("\(definition.name) was listed as certain") }
                if stands, !certain.contains(index), !possible.contains(index) {
                    throw BrokenRule("\(definition.name) was not listed")
                }
            }
        }
    }
}
