import SagaCore
import Yams

/// Turns YAML nodes into JSON and refuses every scalar of which YAML makes something else than was written.
struct YAMLReader {
    let shadowed: [SourcePosition: String]
    private(set) var problems: [YAMLProblem] = []
    private(set) var problemPaths: Set<[PathPart]> = []

    init(shadowed: [SourcePosition: String]) {
        self.shadowed = shadowed
    }

    mutating func value(_ node: Node, at path: [PathPart]) -> JSONValue {
        if node.scalar == nil, path.count >= JSONLimits.message.maxDepth {
            refuse(.depth, node, at: path, "nested too deeply, at most \(JSONLimits.message.maxDepth) levels")
            return .null
        }
        switch node {
        case .scalar(let scalar):
            return value(scalar, at: path)
        case .sequence(let sequence):
            return .array(sequence.enumerated().map { value($1, at: path + [.index($0)]) })
        case .mapping(let mapping):
            return object(mapping, at: path)
        case .alias:
            refuse(.alias, node, at: path, "aliases are not allowed")
            return .null
        }
    }

    private mutating func object(_ mapping: Node.Mapping, at path: [PathPart]) -> JSONValue {
        var object = JSONObject()
        var firsts: [String: SourcePosition] = [:]
        for (key, node) in mapping {
            let position = SourcePosition(key.mark)
            let shadowedName = position.flatMap { shadowed[$0] }
            guard let name = shadowedName ?? name(key, at: path) else { continue }
            if let first = firsts[name] {
                refuse(
                    .duplicateKey, key, at: path + [.key(name)], "`\(name)` is given twice",
                    hint: "the first is at \(first.line):\(first.column)")
            } else {
                firsts[name] = position
            }
            if shadowedName == nil { object[name] = value(node, at: path + [.key(name)]) }
        }
        return .object(object)
    }

    private mutating func name(_ key: Node, at path: [PathPart]) -> String? {
        guard let scalar = key.scalar else {
            refuse(.key, key, at: path, "a key must be a string")
            return nil
        }
        if scalar.string == "<<", scalar.style == .plain {
            refuse(.alias, key, at: path, "merge keys are not allowed", hint: "write the members out")
            return nil
        }
        if let type = Self.resolvedType(scalar) {
            refuseType(scalar, as: type, key, at: path + [.key(scalar.string)])
        }
        refuseZeroByte(in: scalar, key, at: path + [.key(scalar.string)])
        return scalar.string
    }

    private mutating func value(_ scalar: Node.Scalar, at path: [PathPart]) -> JSONValue {
        guard let type = Self.resolvedType(scalar) else {
            refuseZeroByte(in: scalar, .scalar(scalar), at: path)
            return .string(scalar.string)
        }
        switch scalar.string {
        case "null", "~", "": return .null
        case "true": return true
        case "false": return false
        default: break
        }
        if type == "a number", let number = try? JSONValue.parse(scalar.string) { return number }
        refuseType(scalar, as: type, .scalar(scalar), at: path)
        return .string(scalar.string)
    }

    /// Written as an escape it passes YAML, but no message and no file may hold it.
    private mutating func refuseZeroByte(in scalar: Node.Scalar, _ node: Node, at path: [PathPart]) {
        guard scalar.string.utf8.contains(0) else { return }
        refuse(.encoding, node, at: path, "a text must not hold U+0000", hint: "leave it out")
    }

    private mutating func refuseType(_ scalar: Node.Scalar, as type: String, _ node: Node, at path: [PathPart]) {
        let instead =
            switch type {
            case "a boolean": ", or write true or false"
            case "a number": ", or write it in plain digits"
            case "null": ", or write null"
            default: ""
            }
        refuse(
            .type, node, at: path, "YAML reads `\(scalar.string)` as \(type): quote it",
            hint: "write \"\(scalar.string)\"\(instead)")
    }

    private mutating func refuse(
        _ code: YAMLProblem.Code, _ node: Node, at path: [PathPart], _ message: String, hint: String? = nil
    ) {
        problems.append(YAMLProblem(code, at: SourcePosition(node.mark), message, hint: hint))
        problemPaths.insert(path)
    }

    /// What YAML makes of an unquoted scalar, nil for a string.
    static func resolvedType(_ scalar: Node.Scalar) -> String? {
        guard scalar.style == .plain else { return nil }
        switch Resolver.default.resolveTag(of: .scalar(scalar)) {
        case .bool: return "a boolean"
        case .int, .float: return "a number"
        case .null: return "null"
        case .timestamp: return "a date"
        case .merge: return "a merge key"
        case .value: return "a default value"
        default: return nil
        }
    }

    /// What YAML makes of this text when it stands without quotes, nil for a string.
    static func resolvedType(ofPlain text: String) -> String? {
        resolvedType(Node.Scalar(text, .implicit, .plain))
    }
}
