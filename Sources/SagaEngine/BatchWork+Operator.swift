import SagaBus
import SagaCore
import SagaStore

extension BatchWork {
    mutating func operatorRequest(_ delivery: Delivery) throws {
        do {
            let message = try OperatorMessage.decode(delivery.message)
            if let verb = OperatorVerb(rawValue: message.verb) {
                try apply(verb, message)
            } else if let verb = DeadLetterVerb(rawValue: message.verb) {
                try settle(verb, message)
            } else if message.verb == OperatorMessage.ownerType {
                try nameOwner(message)
            } else if message.verb == OperatorMessage.pruneVerb {
                try prune(message)
            } else {
                let known =
                    OperatorVerb.allCases.map(\.rawValue) + DeadLetterVerb.allCases.map(\.rawValue)
                    + [OperatorMessage.pruneVerb]
                throw Refusal(
                    code: .verbUnknown, path: "type", message: "known verbs: \(known.joined(separator: ", "))")
            }
        } catch let refusal as Refusal where refusal.code != .internal {
            try refuse(delivery, refusal)
        }
    }

    private mutating func apply(_ verb: OperatorVerb, _ message: OperatorMessage) throws {
        let fields = RequestFields(body: message.body)
        try fields.refuseOthers(than: ["saga", "step", "reason", "as", "output", "expect", "by"])
        guard let id = SagaID(try fields.required(fields.string("saga"), "saga")) else {
            throw Refusal(code: .idFormat, path: "saga", message: "must be a saga's id")
        }
        let request = OperatorRequest(
            id: message.requestID, verb: verb, step: try fields.string("step"), reason: try fields.string("reason"),
            claim: try fields.claim(), output: try fields.object("output"), expectedSequence: try fields.int("expect"),
            author: try fields.string("by"))
        guard let state = try state(of: id) else {
            if let pruned = try transaction.pruned(id) {
                throw Refusal(
                    code: .notAllowed, path: "saga",
                    message: "the saga has ended (\(pruned.status.rawValue)) and has been pruned")
            }
            throw Refusal(code: .sagaUnknown, path: "saga", message: "no such saga in this shard")
        }
        let decision = try SagaMachine.decide(state, .request(request), at: now, using: &random)
        if case .answeredBefore(let answer) = decision.verdict {
            if let replyTo = message.replyTo { try self.answer(message.requestID, answer, saga: state, to: replyTo) }
        } else {
            try apply(decision, replyTo: message.replyTo)
        }
    }

    /// F23: whoever is refused the shard can be told whose it is.
    private mutating func nameOwner(_ message: OperatorMessage) throws {
        guard let replyTo = message.replyTo else { return }
        let owner = core.store.owner ?? "a worker without a file"
        try post(
            Answer(kind: .applied, requestID: message.requestID, body: ["owner": .string(owner)]).message(to: replyTo))
    }

    // MARK: Dead letters

    /// Sends a dead letter where it was going, or closes it. The same request gets the first answer.
    private mutating func settle(_ verb: DeadLetterVerb, _ message: OperatorMessage) throws {
        let answer: JSONObject
        if let kept = try transaction.answer(toRequest: message.requestID) {
            if let code = kept["code"]?.string {
                throw Refusal(
                    code: RefusalCode(rawValue: code), path: kept["path"]?.string ?? "",
                    message: kept["message"]?.string ?? "")
            }
            answer = kept.object ?? [:]
        } else {
            do {
                answer = try settleAnew(verb, message)
            } catch let refusal as Refusal {
                let kept: JSONValue = [
                    "code": .string(refusal.code.rawValue), "path": .string(refusal.path),
                    "message": .string(refusal.message),
                ]
                try transaction.keepAnswer(kept, toRequest: message.requestID, at: now)
                throw refusal
            }
            try transaction.keepAnswer(.object(answer), toRequest: message.requestID, at: now)
        }
        guard let replyTo = message.replyTo else { return }
        try post(Answer(kind: .applied, requestID: message.requestID, body: answer).message(to: replyTo))
    }

    private mutating func settleAnew(_ verb: DeadLetterVerb, _ message: OperatorMessage) throws -> JSONObject {
        let fields = RequestFields(body: message.body)
        try fields.refuseOthers(than: ["deadLetter", "reason", "by"])
        let number = try fields.required(fields.int("deadLetter"), "deadLetter")
        guard let letter = try transaction.deadLetter(Int64(number)) else {
            throw Refusal(code: .fieldValue, path: "deadLetter", message: "no such dead letter")
        }
        let isReplay = verb == .replay
        let (author, reason) = (try fields.string("by"), try fields.string("reason"))
        if let refusal = isReplay ? letter.replayRefusal : letter.settledRefusal { throw refusal }
        if isReplay { try post(letter.message) }
        try transaction.settle(
            letter.id,
            StoredDeadLetter.Settlement(
                isReplay ? "replayed" : "discarded", at: now, author: author, reason: reason))
        return [
            "deadLetter": .number(JSONNumber(letter.id)),
            "message": .string(isReplay ? "sent to where it was going" : "discarded"),
        ]
    }
}

/// The members of a request's body, checked.
struct RequestFields {
    private static let longestText = 4000
    let body: JSONObject

    func refuseOthers(than known: Set<String>) throws(Refusal) {
        guard body.members.allSatisfy({ known.contains($0.key) }) else {
            throw Refusal(
                code: .fieldUnknown, message: "known members: \(known.sorted().joined(separator: ", "))")
        }
    }

    func string(_ name: String) throws(Refusal) -> String? {
        guard let value = body[name], !value.isNull else { return nil }
        guard let text = value.string else { throw wrong(name, "a text") }
        guard text.utf8.count <= Self.longestText else {
            throw wrong(name, "a text of at most \(Self.longestText) bytes", code: .fieldValue)
        }
        return text
    }

    func int(_ name: String) throws(Refusal) -> Int? {
        guard let value = body[name], !value.isNull else { return nil }
        guard let number = value.int64 else { throw wrong(name, "an integer of 64 bits") }
        return Int(number)
    }

    func object(_ name: String) throws(Refusal) -> JSONValue? {
        guard let value = body[name], !value.isNull else { return nil }
        guard value.object != nil else { throw wrong(name, "an object") }
        return value
    }

    func claim() throws(Refusal) -> PendingDecision.Claim? {
        guard let text = try string("as") else { return nil }
        guard let claim = PendingDecision.Claim(rawValue: text), claim != .skip else {
            throw wrong("as", "succeeded or failed", code: .fieldValue)
        }
        return claim
    }

    /// What ``string(_:)`` or ``int(_:)`` has found, which must be there.
    func required<Value>(_ value: Value?, _ name: String) throws(Refusal) -> Value {
        guard let value else {
            throw Refusal(code: .fieldMissing, path: name, message: "the member \(name) is required")
        }
        return value
    }

    private func wrong(_ name: String, _ expected: String, code: RefusalCode = .fieldType) -> Refusal {
        Refusal(code: code, path: name, message: "must be \(expected)")
    }
}
