import Foundation
import SagaCore
import SagaStore
import Testing

@testable import skald

@Suite struct CheckTests {
    @Test func indexAgainstHistory() throws {
        let seeded = try SeededStore()
        let id = try seeded.start()
        let old = try seeded.state(id)
        try seeded.succeed(id, "reserve-stock")
        _ = try seeded.compensationFailed("2")
        _ = try seeded.stuckPivot("3")
        func problems() throws -> [String] {
            try seeded.store.read { transaction in
                try transaction.sagas(SagaFilter()).flatMap { try IndexCheck.differences($0, in: transaction) }
            }
        }
        #expect(try problems() == [])
        // An index row that was not written with its history.
        try seeded.store.write { try $0.update(old) }
        let found = try problems()
        #expect(found.contains("\(id): sequence is \"2\" in the index and \"4\" by its history"))
        #expect(found.contains("\(id): steps is \"reserve-stock\" in the index and \"authorize\" by its history"))
    }

    @Test func definitions() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/skald-lint-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        func write(_ name: String, _ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/\(name)"))
        }
        #expect(throws: CommandFailure.self) { try Lint.expand([directory]) }
        #expect(throws: CommandFailure.self) { try Lint.expand([directory + "/none.yaml"]) }

        try write("good.yaml", Self.good)
        try write("notes.txt", "saga: none")
        #expect(try Lint.expand([directory + "/"]) == [directory + "/good.yaml"])
        let good = LintFindings(files: try Lint.expand([directory]))
        #expect(good.problemCount == 0)
        #expect(good.lines(paint: plain) == ["\(directory)/good.yaml: ok (trip 1, 1 steps)"])

        try write("other.yaml", Self.good.replacing("hotel.book", with: "hotel.reserve"))
        try write("wrong.yaml", Self.good.replacing("compensation", with: "compensate"))
        let findings = LintFindings(files: try Lint.expand([directory]))
        let text = ShownText(findings.lines(paint: plain))
        #expect(text.has("other.yaml: error: trip 1 is defined in \(directory)/good.yaml already [LINT_DEFINED_TWICE]"))
        #expect(text.has("wrong.yaml:8:5: error: "))
        #expect(findings.json.contains { $0["line"]?.int64 == 8 && $0["code"] == "LINT_UNKNOWN_KEY" })
        #expect(text.lines.last == "\(findings.problemCount) problems")
    }

    @Test func statusDiagram() {
        let lines = MermaidStatusDiagram.sagas.text.split(separator: "\n")
        #expect(lines.first == "stateDiagram-v2")
        #expect(lines.contains("    [*] --> running"))
        #expect(lines.contains("    stuck --> compensating"))
        #expect(lines.contains("    completed --> [*]"))
        #expect(MermaidStatusDiagram.steps.text.contains("    in_flight --> backing_off\n"))
    }

    private static let good = """
        saga: trip
        version: 1
        key: ${input.id}
        steps:
          - name: room
            participant: hotel
            action: hotel.book
            compensation: hotel.cancel
            with: { id: "${input.id}" }
        """
}
