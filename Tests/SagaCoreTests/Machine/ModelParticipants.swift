@testable import SagaCore

/// Participants as rules 16 to 18 want them: a barrier in front of handlers that fail as they like.
struct ModelParticipants {
    /// What the barrier holds about one step, and what has really happened.
    struct Step {
        enum Effect { case none, started, done }
        /// `started`: a call to the outside is not settled.
        var action = Effect.none
        var refusedActions: Set<Int> = []
        var isActionClosed = false
        var isCompensated = false
        var refusedCompensations: Set<Int> = []
        var isCompensationClosed = false
        /// How often the effect was made, and how often undone.
        var effects = 0
        var undone = 0

        var effectStands: Bool { effects > undone }
    }

    private(set) var steps: [String: Step] = [:]
    /// From now on every handler succeeds.
    var isWell = false

    subscript(name: String) -> Step { steps[name, default: Step()] }

    /// Handles one delivery and says what the reply is.
    mutating func handle(
        _ command: OutgoingCommand, using random: inout SplitMix64
    ) -> (outcome: Outcome, body: JSONValue) {
        var step = steps[command.id.step, default: Step()]
        defer { steps[command.id.step] = step }
        let luck = isWell ? 0 : Int.random(in: 0..<100, using: &random)
        switch command.id.kind {
        case .action: return Self.action(&step, command.id.round, luck)
        case .compensation: return Self.compensation(&step, command.id.round, luck)
        case .fence: return Self.fence(&step, closesStep: command.body["close"] == "step", luck)
        }
    }

    private static func action(_ step: inout Step, _ round: Int, _ luck: Int) -> (Outcome, JSONValue) {
        if step.action == .done { return succeeded }
        if step.refusedActions.contains(round) { return refused("NO") }
        if step.isActionClosed { return refused("FENCED") }
        switch luck {
        case ..<60:
            step.action = .done
            step.effects += 1
            return succeeded
        case ..<75:
            // What was started may have had its effect: only a definite answer from the outside says that it has not.
            step.action = .none
            step.refusedActions.insert(round)
            return refused("NO")
        case ..<90:
            step.action = .started
            return (.retry, [:])
        default: return (.retry, [:])
        }
    }

    private static func compensation(_ step: inout Step, _ round: Int, _ luck: Int) -> (Outcome, JSONValue) {
        if step.isCompensated { return succeeded }
        if step.refusedCompensations.contains(round) { return refused("NO") }
        if step.isCompensationClosed { return refused("FENCED") }
        switch step.action {
        case .started:
            settle(&step, luck)
            return (.retry, [:])
        case .none:
            step.isActionClosed = true
            step.isCompensated = true
            return succeeded
        case .done: break
        }
        switch luck {
        case ..<75:
            step.isCompensated = true
            step.isActionClosed = true
            step.undone += 1
            return succeeded
        case ..<85:
            step.refusedCompensations.insert(round)
            return refused("NO")
        default: return (.retry, [:])
        }
    }

    private static func fence(_ step: inout Step, closesStep: Bool, _ luck: Int) -> (Outcome, JSONValue) {
        if step.action == .started {
            settle(&step, luck)
            return (.retry, [:])
        }
        if closesStep, !step.isCompensated { step.isCompensationClosed = true }
        if step.action == .done { return step.isCompensated ? refused("FENCED") : succeeded }
        step.isActionClosed = true
        return refused("FENCED")
    }

    /// The call that was started gets its definite answer.
    private static func settle(_ step: inout Step, _ luck: Int) {
        guard luck < 80 else { return }
        step.action = luck < 50 ? .done : .none
        if step.action == .done { step.effects += 1 }
    }

    private static let succeeded: (Outcome, JSONValue) = (.succeeded, StoryDefinitions.output)

    private static func refused(_ code: String) -> (Outcome, JSONValue) {
        (.failed, ["code": .string(code), "message": "no"])
    }
}
