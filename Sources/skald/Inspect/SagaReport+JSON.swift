import SagaCore
import SagaStore

extension SagaReport {
    var json: JSONValue {
        var object: JSONObject = [
            "id": .string(state.id.description), "definition": .string(state.definition.name),
            "version": number(state.definition.version), "contentHash": .string(state.definition.contentHash),
            "key": .string(state.key), "status": .string(state.status.rawValue), "paused": .bool(state.isPaused),
            "sentence": .string(sentence), "why": .array(why.map { .string($0) }),
            "sequence": number(state.sequence), "startedAt": .string(state.startedAt.iso8601),
            "updatedAt": .string(state.updatedAt.iso8601),
        ]
        object["endedAt"] = state.endedAt.map { .string($0.iso8601) }
        object["deadlineAt"] = state.deadlineAt.map { .string($0.iso8601) }
        object["wakeAt"] = state.wakeAt.map { .string($0.iso8601) }
        object["pastPointOfNoReturn"] = .bool(state.isPastPointOfNoReturn)
        object["rollback"] = state.rollback.map { rollback in
            var object: JSONObject = ["reason": .string(rollback.reason.rawValue)]
            object["step"] = rollback.step.map { .string(words.name($0)) }
            object["error"] = rollback.error.map(\.json)
            return .object(object)
        }
        object["problem"] = state.problem.map(\.json)
        object["steps"] = .array(state.steps.indices.map { step($0) })
        object["effects"] = [
            "certain": names(effects.certain), "possible": names(effects.possible), "undone": names(effects.undone),
        ]
        if let present { add(present, to: &object) }
        return .object(object)
    }

    private func number(_ value: Int) -> JSONValue { .number(JSONNumber(Int64(value))) }

    private func names(_ steps: StepSet) -> JSONValue { .array(steps.map { .string(words.name($0)) }) }

    private func step(_ index: Int) -> JSONValue {
        let (step, definition, timeline) = (state.steps[index], state.definition.steps[index], timelines[index])
        var object: JSONObject = [
            "name": .string(definition.name), "kind": .string(definition.kind.rawValue),
            "participant": .string(definition.participant), "action": .string(definition.action),
            "status": .string(step.status.rawValue),
        ]
        var commands = JSONObject()
        for kind in CommandID.Kind.allCases {
            guard let sent = timeline.sent[kind] else { continue }
            let progress = step[kind]
            var command: JSONObject = [
                "sent": number(sent), "round": number(progress.round), "attempt": number(progress.attempt),
            ]
            command["budgetEndsAt"] = progress.budgetEndsAt.map { .string($0.iso8601) }
            switch progress.wait {
            case .nothing: break
            case .reply(let until): command["replyDueAt"] = .string(until.iso8601)
            case .backoff(let until): command["againAt"] = .string(until.iso8601)
            }
            commands[kind.rawValue] = .object(command)
        }
        if !commands.isEmpty { object["commands"] = .object(commands) }
        object["startedAt"] = timeline.startedAt.map { .string($0.iso8601) }
        object["settledAt"] = timeline.settledAt.map { .string($0.iso8601) }
        object["output"] = step.output
        object["lastError"] = timeline.lastError.map(\.json)
        object["problem"] = step.problem.map(\.json)
        object["decision"] = step.decision.map { .string($0.claim.rawValue) }
        return .object(object)
    }

    private func add(_ present: Present, to object: inout JSONObject) {
        object["next"] = .array(present.outlook.lines.map { .string($0) })
        object["moves"] = .array(
            present.moves.safe.map { move in
                var json: JSONObject = ["verb": .string(move.request.verb.rawValue)]
                json["step"] = move.request.step.map { .string($0) }
                json["as"] = move.request.claim.map { .string($0.rawValue) }
                json["command"] = .string(move.command(for: state.id, flags: present.surroundings.flags))
                json["purpose"] = .string(move.purpose)
                json["answer"] = .string(move.answer)
                json["sends"] = .array(move.sent.map { .string($0.id.description) })
                json["statusAfter"] = .string(move.statusAfter.rawValue)
                return .object(json)
            })
        object["refused"] = .array(
            present.moves.refused.map { ["verb": .string($0.verb.rawValue), "why": .string($0.why)] })
        object["unpublished"] = number(present.surroundings.unpublished.count)
        object["held"] = .array(present.surroundings.held.map(\.description).sorted().map { .string($0) })
        object["silent"] = .array(present.surroundings.silent.map(\.json))
        object["workerHasDatabase"] = .bool(present.surroundings.isWorkerThere)
        object["others"] = .array(present.surroundings.others.map(\.json))
    }
}

extension StepError {
    fileprivate var json: JSONValue { ["code": .string(code), "message": .string(message)] }
}
