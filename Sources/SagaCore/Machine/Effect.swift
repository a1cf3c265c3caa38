/// What an event asks of the world. The engine carries it out; the machine only names it.
package enum Effect: Sendable, Hashable {
    case send(OutgoingCommand)
    /// Publish an order status event. Its id is `<saga>/<sequence>`.
    case publish(type: String, sequence: Int)
    case answer(requestID: String, OperatorAnswer)
}

/// A command to a participant, whole.
package struct OutgoingCommand: Sendable, Hashable {
    package let id: CommandID
    package let participant: String
    /// Nil: a fence, which is answered by the participant library and has no handler.
    package let action: String?
    package let attempt: Int
    package let body: JSONValue
}

extension SagaState {
    /// The effects of an event that has just been folded into this state.
    func effects(of event: SagaEvent) throws(Refusal) -> [Effect] {
        let types = definition.events
        func publish(_ type: String?) -> [Effect] {
            type.map { [.publish(type: $0, sequence: sequence)] } ?? []
        }
        switch event {
        case .started: return publish(types.started)
        case .completed where PlantedBug.announcesWrongly.isPlanted: return publish(types.compensated)
        case .completed: return publish(types.completed)
        case .compensated: return publish(types.compensated)
        case .stuck: return publish(types.stuck)
        case .abandoned: return publish(types.abandoned)
        case .sent(let sent): return [.send(try command(sent))]
        case .requested(let request, let answer): return [.answer(requestID: request.id, answer)]
        case .backedOff, .rearmed, .succeeded, .failed, .unsettled, .rollbackStarted, .proceeded, .retried,
            .decisionPending, .decisionLapsed, .resolved, .paused, .resumed, .cancelRequested, .noted:
            return []
        }
    }

    private func command(_ sent: SentCommand) throws(Refusal) -> OutgoingCommand {
        let step = definition.steps[sent.step]
        let body: JSONValue
        let action: String?
        switch sent.kind {
        case .action:
            action = step.action
            body = try actionBody(sent.step)
        case .compensation:
            guard case .command(let compensation) = step.compensation else {
                throw Refusal(code: .internal, path: step.name, message: "the step has no compensation")
            }
            action = compensation
            var members = JSONObject([("input", try actionBody(sent.step))])
            if let output = steps[sent.step].output, !PlantedBug.forgetsOutput.isPlanted { members["output"] = output }
            body = .object(members)
        case .fence:
            action = nil
            body = ["close": .string(sent.closesStep ? "step" : "action")]
        }
        return OutgoingCommand(
            id: CommandID(
                saga: id, step: step.name,
                kind: PlantedBug.compensatesUnderActionID.isPlanted && sent.kind == .compensation ? .action : sent.kind,
                round: sent.round),
            participant: step.participant, action: action, attempt: sent.attempt, body: body)
    }

    private func actionBody(_ index: Int) throws(Refusal) -> JSONValue {
        try definition.steps[index].input.render(input: input) { self.steps[$0].output }
    }
}
