/// Why a saga went backward.
package struct Rollback: Sendable, Hashable {
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        case stepFailed = "STEP_FAILED"
        case attemptsUsedUp = "ATTEMPTS_USED_UP"
        case deadline = "DEADLINE"
        case cancelled = "CANCELLED"
        case outputMissing = "OUTPUT_MISSING"
    }
    package let reason: Reason
    /// The step that caused it, if one did.
    package let step: Int?
    package let error: StepError?
}

/// A saga at one moment: the fold of its history.
package struct SagaState: Sendable, Hashable {
    package let id: SagaID
    package let definition: SagaDefinition
    package internal(set) var key = ""
    package internal(set) var input = JSONValue.null
    package internal(set) var traceparent: String?
    package internal(set) var status = SagaStatus.running
    package internal(set) var isPaused = false
    package internal(set) var pausedAt: Timestamp?
    /// A cancel that came while paused; acts on resume.
    package internal(set) var isCancelRequested = false
    /// Set once the saga goes backward; it never turns round again.
    package internal(set) var rollback: Rollback?
    /// Why the saga as a whole needs an operator, no single step being the cause.
    package internal(set) var problem: StepError?
    package internal(set) var startedAt = Timestamp(milliseconds: 0)
    package internal(set) var deadlineAt: Timestamp?
    package internal(set) var endedAt: Timestamp?
    package internal(set) var updatedAt = Timestamp(milliseconds: 0)
    package internal(set) var steps: [StepState]
    /// The number of the last event.
    package internal(set) var sequence = 0
    /// The answers to operator requests, by the request's id.
    package internal(set) var answers: [String: OperatorAnswer] = [:]

    package init(id: SagaID, definition: SagaDefinition) {
        self.id = id
        self.definition = definition
        steps = Array(repeating: StepState(), count: definition.steps.count)
    }

    /// Rule 6: the pivot's (without a pivot, a retriable step's) first command has been committed to the outbox, and
    /// the pivot has not been refused since.
    package var isPastPointOfNoReturn: Bool {
        if let pivot = definition.pivot {
            return steps[pivot].action.wasSent && rollback == nil && steps[pivot].status != .failed
        }
        return definition.steps.indices.contains {
            definition.steps[$0].kind == .retriable && steps[$0].action.wasSent
        }
    }

    /// Rule 4: every compensatable step whose action was ever committed to the outbox and that is neither settled
    /// `failed` nor undone yet.
    package var compensationSet: StepSet {
        var set = StepSet()
        for (index, step) in steps.enumerated() {
            guard case .command = definition.steps[index].compensation else { continue }
            switch step.status {
            case .unknown where PlantedBug.leavesUnknownStep.isPlanted: break
            case .inFlight, .backingOff, .unknown, .succeeded, .compensating, .compensationFailed: set.insert(index)
            case .pending, .failed, .skipped, .compensated: break
            }
        }
        return set
    }

    package var hasProblem: Bool {
        problem != nil || steps.contains { $0.problem != nil }
    }

    /// Whether a reply to this command would move the saga, and sending it once more would help. An action of a saga
    /// that goes back gets no further attempt (rule 5).
    package func awaits(_ command: CommandID) -> Bool {
        guard !status.isTerminal, let step = definition.index(ofStep: command.step) else { return false }
        let progress = steps[step][command.kind]
        return progress.isInFlight && progress.round == command.round && (command.kind != .action || rollback == nil)
    }

    /// When the saga next needs attention by itself.
    package var wakeAt: Timestamp? {
        guard !status.isTerminal, !isPaused else { return nil }
        var earliest = status == .running && !isPastPointOfNoReturn ? deadlineAt : nil
        for index in steps.indices {
            for kind in [CommandID.Kind.action, .compensation, .fence] {
                guard let time = steps[index].wait(of: kind).end, earliest.map({ time < $0 }) != false else { continue }
                earliest = time
            }
        }
        return earliest
    }

    /// The steps an operator would look at: what is out, else what is stuck.
    package var currentSteps: [Int] {
        let stuck = steps.indices.filter { steps[$0].problem != nil }
        if !stuck.isEmpty { return stuck }
        return steps.indices.filter { index in
            switch steps[index].status {
            case .inFlight, .backingOff, .compensating, .compensationFailed: true
            case .unknown: steps[index].fence.isWaiting
            case .pending, .succeeded, .failed, .skipped, .compensated: false
            }
        }
    }

    /// The error an operator would want to see first.
    package var lastError: StepError? {
        problem ?? steps.lazy.compactMap(\.problem).first ?? rollback?.error
            ?? rollback.map { StepError(code: $0.reason.rawValue, message: "") }
            ?? steps.lazy.compactMap { $0.action.isBackingOff ? $0.action.error : nil }.first
    }
}
