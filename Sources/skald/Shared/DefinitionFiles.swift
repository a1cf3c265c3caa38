import ArgumentParser
import Foundation
import SagaCore
import SagaYAML

/// Where the definition files are.
struct DefinitionOptions: ParsableArguments {
    @Option(
        name: .customLong("sagas"),
        help: ArgumentHelp("Directory of saga definitions (SKALD_SAGAS_DIR, else sagas).", valueName: "dir"))
    var directoryFlag: String?

    var directory: String {
        directoryFlag ?? ProcessInfo.processInfo.environment["SKALD_SAGAS_DIR"].flatMap { $0.isEmpty ? nil : $0 }
            ?? "sagas"
    }

    /// Reads every definition of the directory; what is wrong with some leaves the others.
    func load() throws -> (definitions: [SagaDefinition], problems: [SourceProblem]) {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw CommandFailure(
                .noInput, "no directory of saga definitions at \(directory); name it with --sagas or SKALD_SAGAS_DIR")
        }
        var definitions: [SagaDefinition] = []
        var problems: [SourceProblem] = []
        for name in names.sorted() where name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
            switch DefinitionFile.load(path: "\(directory)/\(name)") {
            case .success(let definition): definitions.append(definition)
            case .failure(let found): problems += found.problems
            }
        }
        return (definitions, problems)
    }

    /// At least one definition; problems are printed.
    func loadForRunning() throws -> [SagaDefinition] {
        let (definitions, problems) = try load()
        for problem in problems { Terminal.standardError.line("\(problem)") }
        guard !definitions.isEmpty else {
            throw CommandFailure(.noInput, "no usable saga definition in \(directory)")
        }
        return definitions
    }
}
