import SagaBus
import SagaCore
import SagaStore

extension BatchWork {
    mutating func reply(_ delivery: Delivery) throws {
        let reply: Reply
        do throws(Refusal) {
            reply = try Reply.decode(delivery.message)
        } catch {
            return try deadLetter(delivery, error)
        }
        guard let state = try state(of: reply.command.saga) else {
            if try transaction.pruned(reply.command.saga) != nil {
                return result.notices.append(.ignored("a late reply of a saga that has been pruned"))
            }
            return try deadLetter(
                delivery,
                Refusal(code: .replyUnknown, path: "correlation_id", message: "no such saga in this shard"))
        }
        if let forged = forgery(delivery, reply, state) { return try deadLetter(delivery, forged, saga: state.id) }
        heard(reply.command, of: state)
        let decision = try SagaMachine.decide(
            state,
            .reply(
                ReplyInput(
                    command: reply.command, attempt: reply.attempt, outcome: reply.outcome,
                    retryAfterMilliseconds: reply.retryAfterMilliseconds, body: reply.body)),
            at: now, using: &random)
        switch decision.verdict {
        case .applied, .answeredBefore: break
        case .ignored(let why): result.notices.append(.ignored(why))
        case .deadLetter(let refusal): try deadLetter(delivery, refusal, saga: state.id)
        }
        try apply(decision)
    }

    /// A reply published by a broker user who is not that step's participant, where users are checked.
    private func forgery(_ delivery: Delivery, _ reply: Reply, _ state: SagaState) -> Refusal? {
        guard !settings.participantUsers.isEmpty, let step = state.definition.index(ofStep: reply.command.step),
            let user = settings.participantUsers[state.definition.steps[step].participant],
            delivery.message.properties.userID != user
        else { return nil }
        return Refusal(
            code: .replyForged, path: "user_id", message: "replies of this participant come from the user \(user)")
    }

    // MARK: Timers

    mutating func runTimers(since connected: Timestamp) throws {
        let due = try transaction.due(at: now, limit: settings.batchLimit)
        result.hasMoreTimers = due.count == settings.batchLimit
        for id in due { try wake(id, since: connected) }
    }

    mutating func wake(_ id: SagaID, since connected: Timestamp) throws {
        guard let state = try state(of: id) else { return }
        let unsent = core.unsent.commands(of: id).union(added.commands(of: id))
        let decision = try SagaMachine.decide(
            state,
            .wake(WakeInput(unsent: unsent, held: Set(heldCommands(of: id).keys), connectedSince: connected)),
            at: now, using: &random)
        noteSilence(decision, of: state)
        if decision.events.isEmpty {
            // The index was behind the history; set right, or it would be due for ever.
            try transaction.update(state)
        } else {
            try apply(decision)
        }
    }
}
