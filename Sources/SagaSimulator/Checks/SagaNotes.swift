import SagaBus
import SagaCore

/// What the referee writes down of one saga: an account of its own of the history, which leaves aside what the machine
/// makes of it, so that a mistake of the machine is not repeated here.
struct SagaNotes {
    struct Command {
        enum Wait: Equatable {
            case nothing
            case reply(until: Timestamp)
            case backoff(until: Timestamp)
        }
        var round = 1
        var attempt = 0
        /// Attempts of this round that belong to an earlier budget.
        var spent = 0
        var budgetEndsAt: Timestamp?
        var wait = Wait.nothing
        var isRefused = false

        var wasSent: Bool { attempt > 0 || round > 1 }
        var isOut: Bool { if case .reply = wait { true } else { false } }
        var until: Timestamp? {
            switch wait {
            case .nothing: nil
            case .reply(let until), .backoff(let until): until
            }
        }
    }

    struct Step {
        var action = Command()
        var compensation = Command()
        var fence = Command()
        var output: JSONValue?
        var isDone = false
        var isUndone = false
        var isPassedOver = false
        /// Someone has asked for its compensation by hand, which may wait for other steps.
        var isUndoneByHand = false
        var decision: PendingDecision.Claim?

        subscript(kind: CommandID.Kind) -> Command {
            get {
                switch kind {
                case .action: action
                case .compensation: compensation
                case .fence: fence
                }
            }
            set {
                switch kind {
                case .action: action = newValue
                case .compensation: compensation = newValue
                case .fence: fence = newValue
                }
            }
        }

        /// It may have an effect that nobody has undone.
        var mayStand: Bool { action.wasSent && !isUndone && (isDone || !action.isRefused) }

        mutating func close() {
            action.wait = .nothing
            compensation.wait = .nothing
            fence.wait = .nothing
            decision = nil
        }
    }

    /// A command as it must go out.
    struct Draft {
        let type: String
        let participant: String
        let body: [UInt8]
    }

    let id: SagaID
    let definition: SagaDefinition
    var key = ""
    var input = JSONValue.null
    var again: SagaID?
    /// Of whoever asked for it.
    var traceparent: String?
    var deadlineAt: Timestamp?
    var steps: [Step]
    var isGoingBack = false
    var isStuck = false
    /// The worker could not apply an input to it (rule 26).
    var hasFault = false
    var pausedAt: Timestamp?
    /// A cancel was promised for the resume.
    var isCancelPromised = false
    var end: SagaStatus?
    var answers: [String: OperatorAnswer] = [:]
    /// Of the events so far.
    var sequence = 0
    /// Which events must be published, by their sequence.
    var announcements: [Int: String] = [:]
    var drafts: [CommandID: Draft] = [:]

    init(id: SagaID, definition: SagaDefinition) {
        self.id = id
        self.definition = definition
        steps = Array(repeating: Step(), count: definition.steps.count)
    }

    /// Rule 6.
    var isPastPointOfNoReturn: Bool {
        guard let pivot = definition.pivot else {
            return steps.indices.contains { definition.steps[$0].kind == .retriable && steps[$0].action.wasSent }
        }
        return steps[pivot].action.wasSent && !isGoingBack && !(steps[pivot].action.isRefused && !steps[pivot].isDone)
    }

    func id(_ step: Int, _ kind: CommandID.Kind) -> CommandID {
        CommandID(saga: id, step: definition.steps[step].name, kind: kind, round: steps[step][kind].round)
    }

    /// Whether an answer to this command would move it.
    func awaits(_ command: CommandID) -> Bool {
        guard end == nil, let step = definition.index(ofStep: command.step) else { return false }
        let notes = steps[step][command.kind]
        return notes.isOut && notes.round == command.round && (command.kind != .action || !isGoingBack)
    }

    /// When something must happen to it by itself.
    var wakeAt: Timestamp? {
        guard end == nil, pausedAt == nil else { return nil }
        return steps.lazy.flatMap { [$0.action.until, $0.compensation.until, $0.fence.until] }.compactMap(\.self).min()
    }

    /// Rule 12: what a command carries, by the definition, the input and the outputs that were written down.
    mutating func draft(_ sent: SentCommand) throws {
        let command = id(sent.step, sent.kind)
        guard drafts[command] == nil else { return }
        let step = definition.steps[sent.step]
        let type: String
        let body: JSONValue
        func actionBody() throws -> JSONValue { try step.input.render(input: input) { steps[$0].output } }
        switch sent.kind {
        case .action: (type, body) = (step.action, try actionBody())
        case .compensation:
            guard case .command(let name) = step.compensation else {
                throw Breach("rule 4", "\(command) is sent, which does not exist")
            }
            var members: JSONObject = ["input": try actionBody()]
            members["output"] = steps[sent.step].output
            (type, body) = (name, .object(members))
        case .fence:
            let closesStep = steps[sent.step].decision.map { $0 != .failed } ?? false
            (type, body) = (SagaBus.Command.fenceType, ["close": .string(closesStep ? "step" : "action")])
        }
        drafts[command] = Draft(type: type, participant: step.participant, body: body.encoded)
    }
}
