import SagaCore

extension SagaDefinition {
    /// The same steps, impatient: timeouts and budgets of seconds, so that outages use them up.
    var hasty: SagaDefinition {
        var members = source.object ?? [:]
        members["deadline"] = "40s"
        members["steps"] = .array(
            (source["steps"]?.array ?? []).enumerated().map { index, json in
                var step = json.object ?? [:]
                let definition = steps[index]
                var retry: JSONObject = ["backoff": "100ms", "max": "1s"]
                if definition.kind == .compensatable { retry["attempts"] = 2 }
                if definition.kind != .compensatable || definition.compensation != .none { retry["for"] = "10s" }
                step["timeout"] = "1s"
                step["retry"] = .object(retry)
                return .object(step)
            })
        return changed(members)
    }

    /// The same steps with another deadline and other timeouts, under this version.
    func altered(version: Int) -> SagaDefinition {
        var members = source.object ?? [:]
        let number = contentHash.utf8.reduce(0) { $0 &+ Int($1) } % 7
        members["version"] = .number(JSONNumber(Int64(version)))
        members["deadline"] = .string("\(16 + number)m")
        members["steps"] = .array(
            (source["steps"]?.array ?? []).enumerated().map { index, json in
                var step = json.object ?? [:]
                step["timeout"] = .string("\(steps[index].timeoutMilliseconds + Int64(number) + 1)ms")
                return .object(step)
            })
        return changed(members)
    }

    private func changed(_ members: JSONObject) -> SagaDefinition {
        guard let definition = DefinitionReader.read(.object(members)).definition else {
            preconditionFailure("a variant of \(name) is no definition")
        }
        return definition
    }
}
