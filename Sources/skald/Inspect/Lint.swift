import ArgumentParser
import Foundation
import SagaCore
import SagaYAML

struct Lint: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check saga definitions; every problem with file:line:column and what to do.",
        discussion: """
            A directory means its .yaml and .yml files. Ends with 1 if anything is wrong.

            Examples:
              skald lint sagas
              skald lint sagas/place-order.yaml --json
            """)

    @Argument(help: ArgumentHelp("Definition files, or directories of them.", valueName: "file"))
    var files: [String]
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reportingFailures {
            let findings = LintFindings(files: try Self.expand(files))
            let out = Terminal.standardOutput
            if output.isJSON {
                for json in findings.json { out.json(json) }
            } else {
                for line in findings.lines(paint: out.paint) { out.line(line) }
            }
            if findings.problemCount > 0 { throw ExitCode(CommandFailure.Kind.refused.rawValue) }
        }
    }

    /// Directories replaced by the definition files in them.
    static func expand(_ paths: [String]) throws -> [String] {
        try paths.flatMap { path in
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
                throw CommandFailure(.noInput, "no such file: \(path.escapedForTerminal)")
            }
            guard isDirectory.boolValue else { return [path] }
            let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted().filter {
                $0.hasSuffix(".yaml") || $0.hasSuffix(".yml")
            }
            guard !names.isEmpty else {
                throw CommandFailure(.noInput, "no .yaml files in \(path.escapedForTerminal)")
            }
            return names.map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }
        }
    }
}

/// What is wrong with definition files, each alone and all together.
struct LintFindings {
    private let files: [(path: String, result: Result<SagaDefinition, SourceProblems>)]
    /// The file that has the name and version of one before it.
    private let duplicates: [String: (of: SagaDefinition, first: String)]

    init(files paths: [String]) {
        files = paths.map { ($0, DefinitionFile.load(path: $0)) }
        var owners: [String: String] = [:]
        var duplicates: [String: (SagaDefinition, String)] = [:]
        for (path, result) in files {
            guard case .success(let definition) = result else { continue }
            let name = "\(definition.name) \(definition.version)"
            if let first = owners[name], first != path {
                duplicates[path] = (definition, first)
            } else {
                owners[name] = path
            }
        }
        self.duplicates = duplicates
    }

    var problemCount: Int {
        files.reduce(duplicates.count) { sum, file in
            if case .failure(let problems) = file.result { sum + problems.problems.count } else { sum }
        }
    }

    func lines(paint: Paint) -> [String] {
        var lines: [String] = []
        for (path, result) in files {
            switch result {
            case .failure(let problems): lines += problems.problems.map(\.description)
            case .success(let definition):
                if let message = duplicate(path) {
                    lines.append("\(path): error: \(message)".escapedForTerminal)
                } else {
                    let text = "\(definition.name) \(definition.version), \(definition.steps.count) steps"
                    lines.append("\(path.escapedForTerminal): \(paint("ok", .green)) (\(text))")
                }
            }
        }
        if problemCount > 0 {
            lines.append(paint("\(problemCount) \(problemCount == 1 ? "problem" : "problems")", .red))
        }
        return lines
    }

    var json: [JSONValue] {
        files.flatMap { path, result -> [JSONValue] in
            switch result {
            case .failure(let problems): return problems.problems.map(\.json)
            case .success(let definition):
                if let message = duplicate(path) {
                    return [["file": .string(path), "code": "LINT_DEFINED_TWICE", "message": .string(message)]]
                }
                return [
                    [
                        "file": .string(path), "ok": true, "saga": .string(definition.name),
                        "version": .number(JSONNumber(Int64(definition.version))),
                        "contentHash": .string(definition.contentHash),
                    ]
                ]
            }
        }
    }

    private func duplicate(_ path: String) -> String? {
        duplicates[path].map {
            "\($0.of.name) \($0.of.version) is defined in \($0.first) already [LINT_DEFINED_TWICE]"
        }
    }
}

extension SourceProblem {
    fileprivate var json: JSONValue {
        var object: JSONObject = ["file": .string(file)]
        if let position {
            object["line"] = .number(JSONNumber(Int64(position.line)))
            object["column"] = .number(JSONNumber(Int64(position.column)))
        }
        object["code"] = .string(code)
        object["message"] = .string(message)
        object["hint"] = hint.map { .string($0) }
        return .object(object)
    }
}
