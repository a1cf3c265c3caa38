import SagaBus
import SagaCore
import SagaStore

/// What one transaction takes in.
package struct EngineBatch: Sendable {
    package var deliveries: [Delivery] = []
    /// Outbox rows the broker has confirmed.
    package var confirmed: [OutboxRowID] = []
    /// Messages that no queue takes: ``EngineCore/returned``.
    package var returned: Set<OutboxRowID> = []
    /// Run due timers; replies could arrive since then. Nil: no timer fires (rule 3).
    package var timersSince: Timestamp?

    package init() {}
    package var isEmpty: Bool { deliveries.isEmpty && confirmed.isEmpty && returned.isEmpty && timersSince == nil }
}

/// What one transaction has committed.
package struct BatchResult: Sendable {
    /// To be published now, in this order.
    package var outgoing: [OutboxMessage] = []
    /// Rows that are no longer to be published: a newer attempt has replaced them, or they are dead letters again.
    package var replaced: [OutboxRowID] = []
    /// How many commands were committed that are not to be published yet, since their participants do not answer.
    package var heldBack = 0
    /// When the engine must next look at timers.
    package var nextWake: Timestamp?
    /// More timers are due than one batch takes.
    package var hasMoreTimers = false
    package var notices: [EngineNotice] = []
}

/// What the shell writes to its log and counts.
package enum EngineNotice: Sendable, Hashable {
    case sagaStuck(SagaID, step: String?, code: String)
    case sagaEnded(SagaID, SagaStatus)
    case contradiction(SagaID, step: String)
    case deadLetter(reason: String, detail: String)
    case refused(code: String, detail: String)
    case ignored(String)
    case inputFailed(String)
    /// An operator has asked for it.
    case pruned(PrunedPiece)
    /// Its breaker has opened, or opened again: from now on its commands are held back.
    case participantSilent(String, since: Timestamp)
    /// One of the held commands has been let out.
    case participantProbed(String, held: Int, next: Timestamp)
    /// It has answered a probe: the held commands are let out gradually.
    case participantAnswers(String, held: Int)
    /// Nothing is held back any more.
    case participantIsBack(String)
}

extension ConsumerID {
    package static let starts: ConsumerID = "starts"
    package static let replies: ConsumerID = "replies"
    package static let operatorRequests: ConsumerID = "operator"
    package static let deadLetters: ConsumerID = "dead-letters"
}
