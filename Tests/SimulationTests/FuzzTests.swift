import Foundation
import SagaBus
import SagaCore
import SagaYAML
import Testing

@testable import SagaSimulator

/// F18: messages that nobody should have sent, at every consumer of the real worker and the real services.
@Suite("Fuzz")
struct FuzzTests {
    private static let definitions: [SagaDefinition] = ["place-order", "cancel-order"].compactMap { name in
        let path =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path + "/sagas/\(name).yaml"
        guard case .success(let definition) = DefinitionFile.load(path: path) else { return nil }
        return definition
    }

    @Test("F18: mutants at every consumer: no crash, no wedged consumer, no lost neighbour", arguments: [1, 2])
    func aFewThousand(seed: UInt64) async throws {
        let report = try await runOnDedicatedThread {
            var run = FuzzRun(definitions: Self.definitions)
            run.patience = .seconds(600)
            return try run.run(seed: seed, messages: 1000)
        }
        #expect(report.failure == nil, "\(report.failure?.json.prettyText ?? "")")
        // Every door has taken some and refused others.
        let seen = report.tally.lines.map(\.name)
        var results = ["starts accepted", "starts refused ", "starts dead letter ", "operator applied"]
        results += ["operator refused ", "operator dead letter ", "replies handled or ignored", "replies dead letter "]
        results += ["dead-letters dead letter "]
        for name in ["inventory", "payment", "ledger"] {
            results += ["\(name) succeeded", "\(name) failed BAD_COMMAND", "\(name) dead letter "]
        }
        for result in results { #expect(seen.contains { $0.hasPrefix(result) }, "\(result): \(seen)") }
    }
}
