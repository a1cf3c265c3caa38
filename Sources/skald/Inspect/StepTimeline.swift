import SagaCore
import SagaStore

/// What the history says of one step beyond its present state.
struct StepTimeline {
    /// When its action was first sent.
    private(set) var startedAt: Timestamp?
    /// When it came to the status it has, if nothing of it is open.
    private(set) var settledAt: Timestamp?
    /// How often each command was sent, over all rounds.
    private(set) var sent: [CommandID.Kind: Int] = [:]
    private(set) var lastError: StepError?

    /// One timeline for each step, and when the saga last became stuck.
    static func all(
        of definition: SagaDefinition, id: SagaID, history: [HistoryEntry]
    ) -> (steps: [StepTimeline], stuckSince: Timestamp?) {
        var steps = definition.steps.map { _ in StepTimeline() }
        var stuckSince: Timestamp?
        var state = SagaState(id: id, definition: definition)
        for entry in history {
            let before = (state.status, state.steps.map(\.status))
            state.evolve(entry.event, at: entry.at)
            if state.status == .stuck, before.0 != .stuck { stuckSince = entry.at }
            for index in steps.indices where state.steps[index].status != before.1[index] {
                steps[index].settledAt = state.steps[index].status.isSettled ? entry.at : nil
            }
            note(entry, in: &steps)
        }
        return (steps, stuckSince)
    }

    private static func note(_ entry: HistoryEntry, in steps: inout [StepTimeline]) {
        switch entry.event {
        case .sent(let sent):
            steps[sent.step].sent[sent.kind, default: 0] += 1
            if sent.kind == .action, steps[sent.step].startedAt == nil { steps[sent.step].startedAt = entry.at }
        case .backedOff(let step, _, _, let error), .failed(let step, _, let error), .unsettled(let step, _, let error):
            steps[step].lastError = error
        case .stuck(let step?, let error): steps[step].lastError = error
        case .started, .rearmed, .succeeded, .rollbackStarted, .stuck, .proceeded, .retried, .decisionPending,
            .decisionLapsed, .resolved, .paused, .resumed, .cancelRequested, .requested, .noted, .completed,
            .compensated, .abandoned:
            break
        }
    }
}

extension StepStatus {
    fileprivate var isSettled: Bool {
        switch self {
        case .succeeded, .failed, .unknown, .skipped, .compensated, .compensationFailed: true
        case .pending, .inFlight, .backingOff, .compensating: false
        }
    }

    var style: Terminal.Style? {
        switch self {
        case .pending, .compensated: .dim
        case .inFlight, .compensating: .cyan
        case .backingOff, .failed, .skipped: .yellow
        case .succeeded: .green
        case .unknown, .compensationFailed: .red
        }
    }
}
