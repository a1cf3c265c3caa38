@testable import SagaCore

/// A saga's history as some version has written it, with the definition it ran under and the state it gives, as the text
/// of a file.
struct HistoryFixture {
    let format: Int
    let saga: SagaID
    let definitionHash: String
    let definition: JSONValue
    let history: [(at: Timestamp, event: JSONValue)]
    let state: JSONValue

    struct Unreadable: Error {
        let member: String
    }

    /// What this version writes of a story.
    init(_ story: Story) throws {
        let state = story.state
        format = SagaEvent.formatVersion
        saga = state.id
        definitionHash = state.definition.contentHash
        definition = state.definition.source
        history = try story.timedHistory.map { ($0.at, try $0.event.json(state.definition)) }
        self.state = try StateAsJSON.json(state)
    }

    init(text: String) throws {
        let json = try JSONValue.parse(Array(text.utf8), limits: .stored)
        func member<Value>(_ name: String, _ value: (JSONValue) -> Value?) throws -> Value {
            guard let found = json[name].flatMap(value) else { throw Unreadable(member: name) }
            return found
        }
        format = try member("format") { $0.int64.map { Int($0) } }
        saga = try member("saga") { $0.string.flatMap { SagaID($0) } }
        definitionHash = try member("definitionHash") { $0.string }
        definition = try member("definition") { $0 }
        history = try member("history") { $0.array }.map { entry in
            guard let at = entry["at"]?.int64, let event = entry["event"] else { throw Unreadable(member: "history") }
            return (Timestamp(milliseconds: at), event)
        }
        state = try member("state") { $0 }
    }

    /// One event, and one step of the state, a line.
    var text: String {
        let events = history.map { entry in
            JSONValue.object(["at": .number(JSONNumber(entry.at.milliseconds)), "event": entry.event]).text
        }
        let members = (state.object?.members ?? []).map { "\(JSONValue.string($0.key).text): \(Self.lines($0.value))" }
        return """
            {"format": \(format), "saga": "\(saga)", "definitionHash": "\(definitionHash)",
            "definition": \(definition.text),
            "history": [
            \(events.joined(separator: ",\n"))
            ],
            "state": {
            \(members.joined(separator: ",\n"))
            }}

            """
    }

    private static func lines(_ value: JSONValue) -> String {
        guard let elements = value.array else { return value.text }
        return "[\n\(elements.map(\.text).joined(separator: ",\n"))\n]"
    }

    /// The state that this version makes of the file.
    func replayed() throws -> SagaState {
        guard format == SagaEvent.formatVersion else { throw Unreadable(member: "format") }
        guard let definition = DefinitionReader.read(definition).definition else {
            throw Unreadable(member: "definition")
        }
        guard definition.contentHash == definitionHash else { throw Unreadable(member: "definitionHash") }
        return SagaState(
            id: saga, definition: definition,
            folding: try history.map { (try SagaEvent(json: $0.event, definition: definition), $0.at) })
    }
}

/// A state with all its members, by reflection: none can be forgotten.
///
/// What is nil, false, zero or empty is left out, so that a member that a later version adds changes no file in which it
/// says nothing. So is the definition.
enum StateAsJSON {
    struct Unknown: Error {
        let value: String
    }

    static func json(_ state: SagaState) throws -> JSONValue { try render(state) ?? [:] }

    private static func render(_ value: Any) throws -> JSONValue? {
        switch value {
        case is SagaDefinition: return nil
        case let value as JSONValue: return value == .null ? nil : value
        case let id as SagaID: return .string(id.description)
        case let time as Timestamp: return .number(JSONNumber(time.milliseconds))
        case let steps as StepSet: return steps.isEmpty ? nil : .array(steps.map { .number(JSONNumber(Int64($0))) })
        case let text as String: return text.isEmpty ? nil : .string(text)
        case let flag as Bool: return flag ? true : nil
        case let number as Int: return number == 0 ? nil : .number(JSONNumber(Int64(number)))
        default: return try reflect(value)
        }
    }

    private static func reflect(_ value: Any) throws -> JSONValue? {
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional: return try mirror.children.first.flatMap { try render($0.value) }
        case .collection:
            // Each keeps its place.
            let elements = try mirror.children.map { try render($0.value) ?? [:] }
            return elements.isEmpty ? nil : .array(elements)
        case .set:
            let elements = mirror.children.map { "\($0.value)" }.sorted()
            return elements.isEmpty ? nil : .array(elements.map { .string($0) })
        case .dictionary:
            let pairs = mirror.children.map { Array(Mirror(reflecting: $0.value).children.map(\.value)) }
            var members: [(String, JSONValue)] = []
            for pair in pairs { members.append(("\(pair[0])", try render(pair[1]) ?? [:])) }
            return object(members.sorted { $0.0 < $1.0 })
        case .struct, .tuple:
            return object(
                try mirror.children.compactMap { child in
                    try render(child.value).map { (child.label ?? "", $0) }
                })
        case .enum:
            guard let payload = mirror.children.first else { return .string("\(value)") }
            return object([(payload.label ?? "", try render(payload.value) ?? [:])])
        default: throw Unknown(value: "\(value)")
        }
    }

    private static func object(_ members: [(String, JSONValue)]) -> JSONValue? {
        guard !members.isEmpty else { return nil }
        var object = JSONObject()
        for (name, value) in members { object[name] = value }
        return .object(object)
    }
}

extension SagaEvent {
    /// As the history holds it.
    func json(_ definition: SagaDefinition) throws -> JSONValue {
        let row = try JSONValue.parse(SagaEvent.encoded([self], definition), limits: .stored)
        guard let json = row.array?.first else { throw HistoryFixture.Unreadable(member: "event") }
        return json
    }
}
