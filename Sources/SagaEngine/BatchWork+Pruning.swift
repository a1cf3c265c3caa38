import SagaBus
import SagaCore
import SagaStore

extension EngineCore {
    /// Removes a piece of what was over before `horizon`, in a transaction of its own.
    package func prune(endedBefore horizon: Timestamp, after: SagaID?, at now: Timestamp) throws -> PrunedPiece {
        var piece = PrunedPiece()
        // Nothing is drawn.
        var random = SplitMix64(seed: 0)
        _ = try transact(at: now, using: &random) { piece = try $0.prune(endedBefore: horizon, after: after) }
        return piece
    }
}

extension BatchWork {
    func prune(endedBefore horizon: Timestamp, after: SagaID?) throws -> PrunedPiece {
        try transaction.prune(endedBefore: horizon, after: after, limit: settings.pruningLimit, at: now) {
            saga in
            // What an earlier input of this batch has touched, or has a command that has not left, comes another time.
            changed[saga] != nil || !core.unsent.commands(of: saga).isEmpty
        }
    }

    /// A piece that an operator asks for. The answer says whether to ask for another, and what to name in it.
    mutating func prune(_ message: OperatorMessage) throws {
        let fields = RequestFields(body: message.body)
        try fields.refuseOthers(than: ["olderThan", "after", "by"])
        let text = try fields.required(fields.string("olderThan"), "olderThan")
        guard let age = DurationText.parse(text) else {
            throw Refusal(code: .fieldValue, path: "olderThan", message: "must be a duration such as 90d")
        }
        guard age >= Retention.shortestMilliseconds else {
            throw Refusal(
                code: .fieldValue, path: "olderThan",
                message: "must be at least \(DurationText.text(milliseconds: Retention.shortestMilliseconds))")
        }
        var after: SagaID?
        if let text = try fields.string("after") {
            after = SagaID(text)
            if after == nil { throw Refusal(code: .idFormat, path: "after", message: "must be a saga's id") }
        }
        let piece = try prune(endedBefore: now.adding(milliseconds: -age), after: after)
        result.notices.append(.pruned(piece))
        guard let replyTo = message.replyTo else { return }
        var body: JSONObject = [
            "sagas": .number(JSONNumber(Int64(piece.sagas))),
            "deadLetters": .number(JSONNumber(Int64(piece.deadLetters))),
            "answers": .number(JSONNumber(Int64(piece.answers))), "more": .bool(piece.hasMore),
        ]
        body["after"] = piece.after.map { .string($0.description) }
        try post(Answer(kind: .applied, requestID: message.requestID, body: body).message(to: replyTo))
    }
}
