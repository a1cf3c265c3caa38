import SagaCore

/// A YAML file of settings, such as a scenario. Reads one member after the other and collects what is wrong, each with
/// file, line and column.
package struct SettingsFile {
    private let file: String
    private let document: YAMLDocument
    private let root: JSONValue
    private var found: [SourceProblem] = []
    private let brokenPaths: Set<[PathPart]>

    /// - Throws: `SourceProblems`, where the file cannot be read or is no YAML.
    package init(path: String) throws {
        do {
            try self.init(DefinitionFile.contents(ofFile: path), file: path)
        } catch let error as YAMLProblem {
            throw SourceProblems(problems: [error.inFile(path)])
        }
    }

    /// - Throws: `SourceProblems`, where the text is no YAML.
    package init(text: String, file: String) throws {
        do {
            try self.init(Array(text.utf8), file: file)
        } catch let error as YAMLProblem {
            throw SourceProblems(problems: [error.inFile(file)])
        }
    }

    private init(_ bytes: [UInt8], file: String) throws {
        let text = try SourceText(bytes)
        let refused = YAMLScreen.problems(in: text)
        guard refused.isEmpty else { throw SourceProblems(problems: refused.map { $0.inFile(file) }) }
        document = try YAMLDocument(text)
        self.file = file
        let (value, problems, paths) = document.json()
        root = value
        brokenPaths = paths
        found = problems.map { $0.inFile(file) }
        if root.object == nil, found.isEmpty { refuse([], "settings are written `name: value`, one a line") }
    }

    /// What is wrong, in the order of the file; to be asked when everything has been read.
    package func finish() throws {
        guard !found.isEmpty else { return }
        throw SourceProblems(problems: found.sorted { ($0.line, $0.column) < ($1.line, $1.column) })
    }

    package mutating func refuse(
        _ path: [PathPart], place: DefinitionProblem.Place = .value, code: String = "SETTING_VALUE", _ message: String,
        hint: String? = nil
    ) {
        guard !brokenPaths.contains(path) else { return }
        found.append(
            SourceProblem(
                file: file, position: document.position(of: path, place: place), code: code, message: message,
                hint: hint))
    }

    // MARK: Members

    package func value(_ path: [PathPart]) -> JSONValue? {
        var value: JSONValue? = root
        for part in path {
            switch part {
            case .key(let key): value = value?[key]
            case .index(let index): value = value?.array.flatMap { $0.indices.contains(index) ? $0[index] : nil }
            }
        }
        return value
    }

    /// The names of an object's members; those not among `known` are refused. Empty where there is no such object.
    package mutating func keys(_ path: [PathPart], known: [String]) -> [String] {
        guard let value = value(path) else { return [] }
        guard let object = value.object else {
            if !path.isEmpty { refuse(path, "settings are written `name: value`, one a line") }
            return []
        }
        for key in object.keys where !known.contains(key) {
            refuse(
                path + [.key(key)], place: .key, code: "SETTING_UNKNOWN", "`\(key)` is not known here",
                hint: "known: " + known.joined(separator: ", "))
        }
        return object.keys.filter(known.contains)
    }

    package mutating func text(_ path: [PathPart]) -> String? {
        read(path, "a text") { $0.string }
    }

    package mutating func integer(_ path: [PathPart], in range: ClosedRange<Int64>) -> Int64? {
        read(path, "a whole number from \(range.lowerBound) to \(range.upperBound)") { value in
            value.int64.flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// In milliseconds, more than none.
    package mutating func duration(_ path: [PathPart]) -> Int64? {
        read(path, "a duration like 500ms, 20s or 10m") { value in
            value.string.flatMap(DurationText.parse).flatMap { $0 > 0 ? $0 : nil }
        }
    }

    /// `30%` as 0.3.
    package mutating func percentage(_ path: [PathPart]) -> Double? {
        read(path, "a percentage from 0% to 100%, like 2% or 0.5%") { value in
            guard let text = value.string, text.hasSuffix("%"), let number = Double(text.dropLast()) else { return nil }
            return (0...100).contains(number) ? number / 100 : nil
        }
    }

    private mutating func read<Value>(
        _ path: [PathPart], _ expected: String, _ convert: (JSONValue) -> Value?
    ) -> Value? {
        guard let json = value(path) else { return nil }
        if let value = convert(json) { return value }
        refuse(path, "expected \(expected)")
        return nil
    }
}
