/// Where a saga stands.
package enum SagaStatus: String, Sendable, Hashable, CaseIterable {
    /// Steps are being done. Can transition to: compensating, completed, stuck, abandoned.
    case running
    /// Done steps are being undone. Can transition to: compensated, stuck, abandoned.
    case compensating
    /// Needs an operator. Can transition to: running, compensating (when nothing stuck remains), abandoned.
    case stuck
    /// Every step took effect. Terminal.
    case completed
    /// Every step that took effect was undone. Terminal.
    case compensated
    /// Closed by an operator, with a reason. Terminal.
    case abandoned

    package var isTerminal: Bool {
        switch self {
        case .running, .compensating, .stuck: false
        case .completed, .compensated, .abandoned: true
        }
    }

    /// The statuses that may follow this one; the diagram in the documentation is drawn from it.
    package var successors: [SagaStatus] {
        switch self {
        case .running: [.compensating, .completed, .stuck, .abandoned]
        case .compensating: [.compensated, .stuck, .abandoned]
        case .stuck: [.running, .compensating, .abandoned]
        case .completed, .compensated, .abandoned: []
        }
    }
}

/// Where a step of a saga stands.
package enum StepStatus: String, Sendable, Hashable, CaseIterable {
    /// Not sent yet, and never will be once the saga goes backward. Can transition to: in_flight.
    case pending
    /// Its action is out. Can transition to: backing_off, succeeded, failed, unknown.
    case inFlight = "in_flight"
    /// Waits before the action's next attempt. Can transition to: in_flight, succeeded, failed, unknown.
    case backingOff = "backing_off"
    /// The action's effect is there. Can transition to: compensating.
    case succeeded
    /// Refused; no effect was left. Can transition to: in_flight (operator's retry), succeeded (a contradiction, or an
    /// operator's resolve), skipped.
    case failed
    /// Sent, and nobody knows what became of it. Can transition to: in_flight (operator's retry), succeeded, failed,
    /// skipped, compensating, compensated.
    case unknown
    /// An operator passed over it, or over its compensation. Final.
    case skipped
    /// Its compensation is out, or waits for its next attempt. Can transition to: compensated, compensation_failed.
    case compensating
    /// Undone, or found to have had no effect. Final.
    case compensated
    /// Its compensation was refused or ran out of time. Can transition to: compensating (operator's retry),
    /// compensated, skipped, unknown (an operator said that its compensation did nothing: it is sent again).
    case compensationFailed = "compensation_failed"

    /// The statuses that may follow this one; the diagram in the documentation is drawn from it.
    package var successors: [StepStatus] {
        switch self {
        case .pending: [.inFlight]
        case .inFlight: [.backingOff, .succeeded, .failed, .unknown]
        case .backingOff: [.inFlight, .succeeded, .failed, .unknown]
        case .succeeded: [.compensating]
        case .failed: [.inFlight, .succeeded, .skipped]
        case .unknown: [.inFlight, .succeeded, .failed, .skipped, .compensating, .compensated]
        case .skipped, .compensated: []
        case .compensating: [.compensated, .compensationFailed]
        case .compensationFailed: [.compensating, .compensated, .skipped, .unknown]
        }
    }
}
