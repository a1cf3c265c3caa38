import ArgumentParser
import Foundation
import SagaCore
import SagaStore
import SagaYAML

struct Graph: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draw a definition as a Mermaid flowchart.",
        discussion: """
            A file is drawn as it is; a name means that definition among --sagas, or else the one the newest saga of \
            that name in the database runs under. Paste the text into a Markdown file or https://mermaid.live.

            Examples:
              skald graph sagas/place-order.yaml
              skald graph place-order
              skald graph --status
            """)

    @Argument(help: ArgumentHelp("A definition file, or a definition's name.", valueName: "file|name"))
    var subject: String?
    @Flag(help: "Draw the statuses of sagas, and which may follow which, instead.") var status = false
    @OptionGroup var definitions: DefinitionOptions
    @OptionGroup var data: DataOptions

    func validate() throws {
        guard status != (subject != nil) else {
            throw ValidationError("name a definition file or a definition, or give --status")
        }
    }

    func run() throws {
        try reportingFailures {
            guard let subject else { return Terminal.standardOutput.write(MermaidStatusDiagram.sagas.text) }
            Terminal.standardOutput.write(MermaidGraph(of: try definition(subject)).text)
        }
    }

    private func definition(_ subject: String) throws -> SagaDefinition {
        if FileManager.default.fileExists(atPath: subject) {
            switch DefinitionFile.load(path: subject) {
            case .success(let definition): return definition
            case .failure(let problems):
                Terminal.standardError.line(problems.description)
                throw ExitCode(CommandFailure.Kind.refused.rawValue)
            }
        }
        let named = (try? definitions.load().definitions)?.filter { $0.name == subject } ?? []
        if let newest = named.max(by: { $0.version < $1.version }) { return newest }
        if FileManager.default.fileExists(atPath: data.storePath),
            let stored = try data.read({ try stored(subject, $0) })
        {
            return stored
        }
        throw CommandFailure(
            .noInput,
            """
            no file and no definition \(subject.escapedForTerminal), neither in \(definitions.directory) \
            nor under a saga of \(data.storePath)
            """)
    }

    private func stored(_ name: String, _ transaction: StoreView) throws -> SagaDefinition? {
        var filter = SagaFilter()
        filter.definition = name
        filter.limit = 1
        return try transaction.sagas(filter).first.flatMap { try transaction.definition(of: $0.id) }
    }
}
