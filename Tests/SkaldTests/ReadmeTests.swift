import ArgumentParser
import Foundation
import SagaYAML
import Testing

@testable import skald

@Suite("README.md says what is so")
struct ReadmeTests {
    private let root: URL
    private let page: String

    init() throws {
        root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        page = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    }

    private func blocks(_ language: String) -> [String] {
        page.components(separatedBy: "```\(language)\n").dropFirst().compactMap {
            $0.components(separatedBy: "\n```").first
        }
    }

    @Test func everyCommandLineIsUnderstood() {
        let lines = blocks("sh").flatMap { $0.components(separatedBy: "\n") }.filter { $0.hasPrefix("skald ") }
        #expect(lines.count > 10)
        for line in lines {
            let command = line.prefix { $0 != "#" && $0 != "&" }.replacing(/2>+ \S+/, with: "")
            let words = command.matches(of: /"([^"]*)"|(\S+)/).map { String($0.output.1 ?? $0.output.2 ?? "") }
            #expect(throws: Never.self, "\(line)") { try Skald.parseAsRoot(Array(words.dropFirst())) }
        }
    }

    @Test func theSagaPassesLint() throws {
        let saga = try #require(blocks("yaml").first)
        guard case .success = DefinitionFile.parse(saga, file: "README.md") else {
            Issue.record("the README's saga is no definition")
            return
        }
    }

    @Test func theParticipantIsTheOneThatIsTested() throws {
        let tested = try String(
            contentsOf: root.appending(path: "Tests/SagaParticipantTests/GiftWrap.swift"), encoding: .utf8)
        #expect(blocks("swift").first.map { $0 + "\n" } == tested)
    }

    @Test func everyLinkLeadsSomewhere() {
        let links = page.matches(of: /\]\(([^)]+)\)/).map { String($0.output.1) }
        #expect(links.count > 5)
        for link in links {
            #expect(FileManager.default.fileExists(atPath: root.appending(path: link).path), "\(link)")
        }
    }
}
