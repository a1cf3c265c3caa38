/// What an operator can ask of a saga (rule 20).
package enum OperatorVerb: String, Sendable, Hashable, CaseIterable {
    case retry, skip, resolve, cancel, abandon, pause, resume
}

/// What an operator can ask about a dead letter.
package enum DeadLetterVerb: String, Sendable, Hashable, CaseIterable {
    case replay, discard
}

/// An operator's request, as the machine sees and records it.
package struct OperatorRequest: Sendable, Hashable {
    package let id: String
    package let verb: OperatorVerb
    package let step: String?
    package let reason: String?
    /// With `resolve`.
    package let claim: PendingDecision.Claim?
    package let output: JSONValue?
    /// The number of the last event its author saw.
    package let expectedSequence: Int?
    package let author: String?

    package init(
        id: String, verb: OperatorVerb, step: String? = nil, reason: String? = nil,
        claim: PendingDecision.Claim? = nil, output: JSONValue? = nil, expectedSequence: Int? = nil,
        author: String? = nil
    ) {
        self.id = id
        self.verb = verb
        self.step = step
        self.reason = reason
        self.claim = claim
        self.output = output
        self.expectedSequence = expectedSequence
        self.author = author
    }
}

/// The answer to a request, kept for ever: the same id gets the same answer.
package enum OperatorAnswer: Sendable, Hashable {
    case applied(String)
    case refused(Refusal)
}
