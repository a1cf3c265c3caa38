import SagaCore
import Yams

/// A YAML text as a tree of nodes that know where they stand.
struct YAMLDocument {
    private let root: Node
    /// Keys whose name is given again later in the same mapping, by where they stand.
    private let shadowed: [SourcePosition: String]

    init(_ text: SourceText) throws(YAMLProblem) {
        (root, shadowed) = try Self.compose(text)
    }

    /// Yams stops at the first duplicate key and tells only where the name stood first. To go on, and to find where it
    /// stands again, the first one gets a name of the same length that nobody writes.
    private static func compose(_ original: SourceText) throws(YAMLProblem) -> (Node, [SourcePosition: String]) {
        var text = original
        var shadowed: [SourcePosition: String] = [:]
        while true {
            do {
                let parser = try Parser(yaml: text.string, encoding: .utf8)
                guard let root = try parser.singleRoot() else {
                    throw YAMLProblem(.empty, at: nil, "the file is empty", hint: "a definition begins with `saga: …`")
                }
                return (root, shadowed)
            } catch let problem as YAMLProblem {
                throw problem
            } catch YamlError.duplicatedKeysInMapping(let names, let context) {
                let position = SourcePosition(context.mark)
                let name = names.first ?? ""
                let isQuoted = text.scalar(at: position) == "\"" || text.scalar(at: position) == "'"
                guard shadowed.count < 32, !name.isEmpty, shadowed[position] == nil,
                    let unused = Unicode.Scalar(0xE000 + UInt32(shadowed.count)),
                    text.replace(at: position, offset: isQuoted ? 1 : 0, with: unused)
                else { throw YAMLProblem(.duplicateKey, at: position, "`\(name)` is given more than once") }
                shadowed[position] = name
            } catch {
                throw YAMLProblem(error, in: text)
            }
        }
    }

    /// The tree as JSON, and all that keeps it from meaning in JSON what was written.
    func json() -> (value: JSONValue, problems: [YAMLProblem], problemPaths: Set<[PathPart]>) {
        var reader = YAMLReader(shadowed: shadowed)
        let value = reader.value(root, at: [])
        return (value, reader.problems, reader.problemPaths)
    }

    /// Where the member or element at `path` stands, or the innermost part of the way that exists.
    func position(of path: [PathPart], place: DefinitionProblem.Place) -> SourcePosition? {
        let found = find(path)
        return SourcePosition(place == .key && found.isWhole ? found.key?.mark ?? found.value.mark : found.value.mark)
    }

    /// The unquoted scalar at `path`, which YAML may have read as something else than a string.
    func plainScalar(at path: [PathPart]) -> String? {
        let found = find(path)
        guard found.isWhole, let scalar = found.value.scalar, scalar.style == .plain else { return nil }
        return scalar.string
    }

    /// The node at `path` and its key, or the innermost node on the way to it.
    private func find(_ path: [PathPart]) -> (key: Node?, value: Node, isWhole: Bool) {
        var found: (key: Node?, value: Node) = (nil, root)
        for part in path {
            switch (part, found.value) {
            case (.key(let name), .mapping(let mapping)):
                guard let pair = mapping.first(where: { $0.key.scalar?.string == name }) else {
                    return (found.key, found.value, false)
                }
                found = (pair.key, pair.value)
            case (.index(let index), .sequence(let sequence)) where sequence.indices.contains(index):
                found = (nil, sequence[index])
            default:
                return (found.key, found.value, false)
            }
        }
        return (found.key, found.value, true)
    }
}

extension SourcePosition {
    init(_ mark: Mark) {
        self.init(line: mark.line, column: mark.column)
    }

    init?(_ mark: Mark?) {
        guard let mark else { return nil }
        self.init(mark)
    }
}

extension YAMLProblem {
    /// What Yams could not read.
    init(_ error: any Error, in text: SourceText) {
        switch error {
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _):
            let position = SourcePosition(mark)
            let hasBareReference = text.line(position.line).contains("${")
            let place = context.map { "\($0.text), which began at \($0.mark.line):\($0.mark.column)" }
            self.init(
                .syntax, at: position, "not valid YAML: \(problem)",
                hint: hasBareReference ? "inside { } and [ ] write \"${…}\" with quotes" : place)
        case YamlError.composer(_, _, let mark, _):
            self.init(
                .documents, at: SourcePosition(mark), "a second document begins here",
                hint: "a file holds one definition")
        case YamlError.reader(let problem, _, _, _):
            self.init(.encoding, at: nil, "not valid YAML: \(problem)")
        default:
            self.init(.syntax, at: nil, "not valid YAML")
        }
    }
}
