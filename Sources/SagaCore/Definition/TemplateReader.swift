/// Reads the `${…}` of a definition.
struct TemplateReader {
    /// A reference to a step's output and where it stands, for the check that the step is done by then.
    struct StepReference {
        let step: Int
        let path: [PathPart]
        let text: String
    }

    /// The names of the steps in the order of the file; nil where only the input can be referenced.
    let steps: [String?]?
    private(set) var problems: [DefinitionProblem] = []
    private(set) var stepReferences: [StepReference] = []

    init(steps: [String?]?) {
        self.steps = steps
    }

    mutating func template(_ value: JSONValue, at path: [PathPart]) -> Template {
        switch value {
        case .null, .bool, .number:
            return .literal(value)
        case .string(let text):
            return self.text(text, at: path)
        case .array(let elements):
            let templates = elements.enumerated().map { template($1, at: path + [.index($0)]) }
            return templates.allSatisfy(\.isLiteral) ? .literal(value) : .array(templates)
        case .object(let object):
            var members: [Template.Member] = []
            for (key, value) in object.members {
                let path = path + [.key(key)]
                if key.contains("${") {
                    report(
                        .template, at: path, place: .key, "`${…}` cannot stand in a key", hint: "move it to the value")
                }
                members.append(Template.Member(key: key, value: template(value, at: path)))
            }
            return members.allSatisfy(\.value.isLiteral) ? .literal(value) : .object(members)
        }
    }

    private mutating func text(_ text: String, at path: [PathPart]) -> Template {
        var parts: [Template.TextPart] = []
        var rest = text.utf8[...]
        while let opening = rest.firstOpening {
            if opening > rest.startIndex {
                parts.append(.literal(String(Substring(rest[..<opening]))))
            }
            let inside = rest[opening...].dropFirst(2)
            guard let closing = inside.firstIndex(of: UInt8(ascii: "}")) else {
                report(.template, at: path, "`${` is not closed", hint: "write `${input.…}` or `${steps.….…}`")
                return .literal(.string(text))
            }
            if let reference = reference(String(Substring(inside[..<closing])), at: path) {
                parts.append(.reference(reference))
            }
            rest = inside[closing...].dropFirst()
        }
        guard !parts.isEmpty else { return .literal(.string(text)) }
        if !rest.isEmpty { parts.append(.literal(String(Substring(rest)))) }
        if parts.count == 1, case .reference(let reference) = parts[0] { return .reference(reference) }
        return .text(parts)
    }

    /// The reference between `${` and `}`, nil where it is reported.
    private mutating func reference(_ expression: String, at path: [PathPart]) -> Reference? {
        let words = expression.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard words.allSatisfy(Self.isWord) else {
            report(
                .template, at: path, "`${\(expression)}` is no reference: it is names joined by dots",
                hint: "write `${input.…}` or `${steps.….…}`, without spaces or brackets")
            return nil
        }
        if let position = words.dropFirst().first(where: { $0.utf8.allSatisfy(Self.isDigit) }) {
            report(
                .template, at: path, "`${\(expression)}` asks for element \(position) of a list, which is not possible",
                hint: "take the whole list and let the participant look")
            return nil
        }
        switch words[0] {
        case "input":
            return Reference(source: .input, path: Array(words.dropFirst()))
        case "steps":
            return stepReference(words, expression, at: path)
        default:
            report(
                .referenceUnknown, at: path, "`${\(expression)}` must begin with `input` or `steps`",
                hint: NearestMatch.hint(for: words[0], among: ["input", "steps"], noun: "source"))
            return nil
        }
    }

    private mutating func stepReference(
        _ words: [String], _ expression: String, at path: [PathPart]
    ) -> Reference? {
        guard let steps else {
            report(
                .businessKey, at: path, "`key` can take values from the input only: no step is done at the start",
                hint: "for example `${input.orderId}`")
            return nil
        }
        guard words.count > 1 else {
            report(
                .template, at: path, "`${steps}` names no step",
                hint: "for example `${steps.reserve-stock.reservation}`")
            return nil
        }
        guard let step = steps.firstIndex(of: words[1]) else {
            report(
                .referenceUnknown, at: path, "`${\(expression)}`: there is no step `\(words[1])`",
                hint: NearestMatch.hint(for: words[1], among: steps.compactMap { $0 }, noun: "step"))
            return nil
        }
        stepReferences.append(StepReference(step: step, path: path, text: "${\(expression)}"))
        return Reference(source: .step(step), path: Array(words.dropFirst(2)))
    }

    private mutating func report(
        _ code: DefinitionProblem.Code, at path: [PathPart], place: DefinitionProblem.Place = .value,
        _ message: String, hint: String?
    ) {
        problems.append(DefinitionProblem(code, at: path, place: place, message, hint: hint))
    }

    private static func isWord(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
                case UInt8(ascii: "_"), UInt8(ascii: "-"): true
                default: isDigit(byte)
                }
            }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

extension Template {
    fileprivate var isLiteral: Bool {
        if case .literal = self { true } else { false }
    }
}

extension Substring.UTF8View {
    /// Where the first `${` begins. Bytes, since a combining mark after the brace would hide it from `Character`.
    fileprivate var firstOpening: Index? {
        var search = self
        while let dollar = search.firstIndex(of: UInt8(ascii: "$")) {
            search = search[dollar...].dropFirst()
            if search.first == UInt8(ascii: "{") { return dollar }
        }
        return nil
    }
}
