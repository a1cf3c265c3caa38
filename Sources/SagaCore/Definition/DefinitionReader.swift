/// Reads a definition from JSON, whether it came from a file or from the database, and reports all that is wrong.
package struct DefinitionReader {
    var problems: [DefinitionProblem] = []

    /// The definition, or every reason why it is refused, in the order in which they were found.
    package static func read(_ source: JSONValue) -> (definition: SagaDefinition?, problems: [DefinitionProblem]) {
        var reader = DefinitionReader()
        let definition = reader.definition(source)
        return reader.problems.isEmpty ? (definition, []) : (nil, reader.problems)
    }

    private mutating func definition(_ source: JSONValue) -> SagaDefinition? {
        guard let fields = fields(source, at: [], known: DefinitionKeys.saga, what: "the definition") else {
            return nil
        }
        let name = requiredName("saga", in: fields)
        if fields.object["version"] == nil { reportMissing("version", in: fields, hint: "begin with `version: 1`") }
        let version = integer("version", in: fields, range: 1...Int64(Int32.max))
        let key = businessKey(in: fields)
        let deadline = duration("deadline", in: fields)
        let events = eventTypes(in: fields)
        let drafts = stepDrafts(in: fields)
        lint(drafts, deadline: deadline, deadlinePath: fields.path("deadline"))

        let steps = drafts.compactMap(\.definition)
        guard problems.isEmpty, steps.count == drafts.count, let name, let version, let key else { return nil }
        return SagaDefinition(
            name: name, version: version, key: key, deadlineMilliseconds: deadline, events: events, steps: steps,
            source: source)
    }

    private mutating func businessKey(in fields: Fields) -> Template? {
        guard fields.object["key"] != nil else {
            reportMissing("key", in: fields, hint: "the business key, for example `key: ${input.orderId}`")
            return nil
        }
        guard let text = string("key", in: fields) else { return nil }
        let path = fields.path("key")
        var reader = TemplateReader(steps: nil)
        let template = reader.template(.string(text), at: path)
        problems += reader.problems
        guard reader.problems.isEmpty else { return nil }
        var paths: [[String]] = []
        template.forEachReference { reference, _ in paths.append(reference.path) }
        guard !paths.isEmpty else {
            report(
                .businessKey, at: path, "`key` must take a value from the input, or there is one saga for ever",
                hint: "for example `${input.orderId}`")
            return nil
        }
        guard !paths.contains([]) else {
            report(
                .businessKey, at: path, "`key` must be a string or an integer, and the input is an object",
                hint: "take a member of it, for example `${input.orderId}`")
            return nil
        }
        return template
    }

    private mutating func eventTypes(in fields: Fields) -> EventTypes {
        guard let value = fields.object["events"],
            let events = self.fields(value, at: fields.path("events"), known: DefinitionKeys.events, what: "`events`")
        else { return EventTypes() }
        let defaults = EventTypes()
        return EventTypes(
            started: eventType("started", in: events),
            completed: eventType("completed", in: events),
            compensated: eventType("compensated", in: events),
            stuck: eventType("stuck", in: events) ?? defaults.stuck,
            abandoned: eventType("abandoned", in: events) ?? defaults.abandoned)
    }

    private mutating func eventType(_ key: String, in fields: Fields) -> String? {
        guard let text = string(key, in: fields) else { return nil }
        let isType = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
            default: false
            }
        }
        guard isType, (1...128).contains(text.utf8.count) else {
            report(
                .eventType, at: fields.path(key), "an event type holds 1 to 128 of A-Z, a-z, 0-9, _, -, .",
                hint: "for example `ORDER_CREATED`")
            return nil
        }
        return text
    }
}
