import Foundation
import Testing

@testable import SagaCore

/// Rule 27: what any release has written, every later one reads, and makes the same of it.
///
/// `Fixtures/<release>` holds the histories as that release has written them; no file there is changed again. A release
/// that writes something else gets a folder of its own: `SKALD_WRITE_HISTORIES=1 swift test --filter HistoryFixtureTests`
/// fills the one of ``present`` with what is missing.
@Suite struct HistoryFixtureTests {
    /// What this version writes is what this release wrote.
    private static let present = "0.1.0"

    private static let here = URL(filePath: #filePath).deletingLastPathComponent()
    private static let folder = here.appending(path: "Fixtures")
    private static let writes = ProcessInfo.processInfo.environment["SKALD_WRITE_HISTORIES"] != nil

    /// Every file of every release, by its path within the folder.
    private static func files() throws -> [String: HistoryFixture] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }
        return try Dictionary(
            uniqueKeysWithValues: names.map { name in
                (name, try HistoryFixture(text: String(contentsOf: folder.appending(path: name), encoding: .utf8)))
            })
    }

    @Test("Rule 27: histories of every release are read, and give the state they gave then")
    func read() throws {
        let files = try Self.files()
        #expect(!files.isEmpty)
        for (name, fixture) in files {
            do {
                let state = try StateAsJSON.json(fixture.replayed())
                #expect(
                    state.canonical == fixture.state.canonical,
                    "\(name) gives\n\(state.text)\nand gave\n\(fixture.state.text)")
            } catch {
                Issue.record("\(name): \(error)")
            }
        }
    }

    @Test("Rule 27: what this version writes of the same sagas is what the files hold")
    func written() throws {
        for name in HistoryStories.all.keys.sorted() {
            let story = try #require(try HistoryStories.tell(name))
            let text = try HistoryFixture(story).text
            let file = Self.folder.appending(path: "\(Self.present)/\(name).json")
            if Self.writes, !FileManager.default.fileExists(atPath: file.path) {
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try text.write(to: file, atomically: true, encoding: .utf8)
            }
            let kept = try? String(contentsOf: file, encoding: .utf8)
            #expect(kept == text, "\(name) is written in another way now; is that a new format?")
        }
    }

    @Test("Rule 27: no kind of event, and no member of one, is missing from the files")
    func complete() throws {
        let source = Self.here.appending(path: "../../../Sources/SagaCore/Machine/SagaEvent+JSON.swift")
        let code = try String(contentsOf: source, encoding: .utf8)
        let kinds = Set(code.matches(of: /\bname\("(\w+)"/).map { String($0.output.1) })
        let members = Set(
            code.matches(of: /\b(?:add|flag|append)\((?:member: )?"(\w+)"/).map { String($0.output.1) })
        let events = try Self.files().values.flatMap { $0.history.map(\.event) }
        #expect(kinds.count > 20 && members.count > 20)
        #expect(kinds.subtracting(events.compactMap { $0["event"]?.string }) == [])
        #expect(members.subtracting(events.reduce([]) { $0.union(Self.keys($1)) }) == [])
    }

    @Test("Rule 27: no member of a state is without a file that sets it")
    func wholeState() throws {
        let files = try Self.files().values
        let story = try #require(try HistoryStories.tell("completed"))
        let (state, step) = (story.state, story.state.steps[0])
        let members = [Mirror(reflecting: state), Mirror(reflecting: step), Mirror(reflecting: step.action)]
            .flatMap { $0.children.compactMap(\.label) }
        #expect(members.count > 25)
        #expect(Set(members).subtracting(files.reduce(["definition"]) { $0.union(Self.keys($1.state)) }) == [])
    }

    private static func keys(_ json: JSONValue) -> Set<String> {
        let inner = (json.array ?? []) + (json.object?.members.map(\.value) ?? [])
        return inner.reduce(Set(json.object?.keys ?? [])) { $0.union(keys($1)) }
    }

    @Test("Rule 27: every reason to go back, verb, claim, outcome and final status is in the files")
    func values() throws {
        let events = try Self.files().values.flatMap { $0.history.map(\.event) }
        func missing<Value: RawRepresentable<String> & CaseIterable & Hashable>(
            _ values: Value.Type, of event: String, _ member: String
        ) -> [Value] {
            let seen = events.filter { $0["event"] == .string(event) }.compactMap { $0[member]?.string }
            return values.allCases.filter { !seen.contains($0.rawValue) }
        }
        #expect(missing(Rollback.Reason.self, of: "rollbackStarted", "reason") == [])
        #expect(missing(OperatorVerb.self, of: "requested", "verb") == [])
        #expect(missing(CommandID.Kind.self, of: "sent", "kind") == [])
        #expect(missing(CommandID.Kind.self, of: "unsettled", "kind") == [])
        let ends = events.compactMap { $0["event"]?.string }
        for status in SagaStatus.allCases where status.isTerminal { #expect(ends.contains(status.rawValue)) }
    }
}
