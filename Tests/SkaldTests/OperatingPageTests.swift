import ArgumentParser
import Foundation
import SagaCore
import Testing

@testable import skald

@Suite("Operating.md says what skald does")
struct OperatingPageTests {
    private func page() throws -> String {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = root.appending(path: "Sources/SagaCore/SagaCore.docc/Operating.md")
        return try String(contentsOf: page, encoding: .utf8)
    }

    @Test func everyVerbAndStatusIsExplained() throws {
        let page = try page()
        for verb in OperatorVerb.allCases { #expect(page.contains("| `\(verb.rawValue)` |"), "\(verb)") }
        for status in SagaStatus.allCases { #expect(page.contains("| `\(status.rawValue)` |"), "\(status)") }
        for status in StepStatus.allCases { #expect(page.contains("`\(status.rawValue)`"), "\(status)") }
    }

    @Test("what skald show says of a stuck step is in the page's table")
    func causesOfBeingStuck() throws {
        let page = try page()
        let seeded = try SeededStore()
        let shown = [try seeded.show(seeded.stuckPivot("1")), try seeded.show(seeded.compensationFailed("2"))]
        for phrase in ["Nobody knows whether", "took effect", "could not be undone", "refused"] {
            #expect(page.contains("*\(phrase)"), "\(phrase)")
            #expect(shown.contains { $0.has(phrase) }, "\(phrase)")
        }
    }

    @Test(
        "every command line of the page is understood",
        arguments: ["list", "show", "history", "check", "lint", "dead-letters", "prune", "worker"])
    func commands(name: String) throws {
        let page = try page()
        let pattern = try Regex("`(skald \(name)[^`…]*)`")
        // A command's bare name stands for the command, not for a line to copy.
        let lines = page.matches(of: pattern).compactMap { $0.output[1].substring }.filter { $0 != "skald \(name)" }
        #expect(!lines.isEmpty)
        for line in lines {
            let words = line.split(separator: " ").dropFirst().map(String.init)
            #expect(throws: Never.self, "\(line)") { try Skald.parseAsRoot(words) }
        }
    }
}
