import SagaBus

/// A queue that a part of Skald consumes: where messages from outside come in.
package enum FuzzDoor: String, CaseIterable, Sendable {
    case starts
    case replies
    case operatorRequests = "operator"
    case deadLetters = "dead-letters"
    case inventory, payment, ledger

    package var queue: String {
        switch self {
        case .starts: SkaldNames.startQueue(shard: 0)
        case .replies: SkaldNames.replyQueue(shard: 0)
        case .operatorRequests: SkaldNames.operatorQueue(shard: 0)
        case .deadLetters: SkaldNames.deadLetters
        case .inventory, .payment, .ledger: SkaldNames.commandQueue(participant: rawValue)
        }
    }

    /// Participants read commands, compensations and fences from it.
    var isParticipant: Bool { Self.participants.contains(self) }

    static let participants: [FuzzDoor] = [.inventory, .payment, .ledger]
}
