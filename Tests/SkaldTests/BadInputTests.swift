import ArgumentParser
import Foundation
import SagaCore
import Testing

@testable import skald

/// What the commands say when they are called wrongly, or where they cannot work.
@Suite struct BadInputTests {
    private let tool: CommandLineTool

    init() throws { tool = try CommandLineTool() }

    @Test("wrong usage ends with 64 and says what is wanted")
    func usage() async throws {
        let cases = [
            ("list --newer-than 1h --older-than 2h", "exchange --older-than and --newer-than"),
            ("list --newer-than 2026-11-21 --older-than 2026-11-21", "exchange --older-than and --newer-than"),
            ("list --limit -1", "--limit"), ("list --limit=-1", "--limit must be 1 to 10000"),
            ("list --limit 99999999999999999999", "--limit"), ("dead-letters --after=0", "--after wants the number"),
            ("retry 1 --request-id ''", "--request-id wants 1 to 200 bytes"),
            ("dead-letters discard 1 --reason x --request-id ''", "--request-id wants 1 to 200 bytes"),
            ("demo --data-dir ''", "--data-dir is empty"), ("worker --data-dir ''", "--data-dir is empty"),
            ("skip 1 --step s --output '{\"a\":{\"b\":\"…\"}}'", "put the real values in place of each …"),
        ]
        for (line, message) in cases {
            let run = try await tool.shell("\"$SKALD\" \(line)")
            #expect(run.code == 64, "\(line)")
            #expect(run.errors.contains(message), "\(line): \(run.errors)")
            #expect(run.output.isEmpty, "\(line)")
        }
        // That way round there is something between.
        #expect(throws: Never.self) { try Skald.parseAsRoot(["list", "--older-than", "1h", "--newer-than", "2h"]) }
    }

    @Test("a file where the directory should be")
    func fileForDirectory() async throws {
        try #require(FileManager.default.createFile(atPath: tool.directory + "/notes.txt", contents: nil))
        for line in ["demo --orders 1", "worker", "service payment"] {
            let run = try await tool.shell("\"$SKALD\" \(line) --data-dir notes.txt")
            #expect(run.code == 1, "\(line)")
            #expect(run.errors == "error: notes.txt is not a directory; name another\n", "\(line): \(run.errors)")
        }
    }

    @Test("of the demo's directory every command can be copied, and other commands say whose it is")
    func demoDirectory() async throws {
        let demo = try await tool.run("demo", "--orders", "2", "--data-dir", "my demo")
        #expect(demo.code == 0)
        #expect(demo.lines.contains("  skald list --data-dir 'my demo' --status compensated"))
        let worker = try await tool.run("worker", "--data-dir", "my demo")
        #expect(worker.code == 1)
        #expect(
            worker.errors.hasPrefix(
                "error: this data directory belongs to a system without a broker, as skald demo makes it, not to the "
                    + "broker amqp://127.0.0.1:1/"))
        let none = try await tool.run("list", "--data-dir", "my demo", "--after", "0G7Q9C3M2R0A4")
        #expect(none.lines.first == "no saga older than 0G7Q9C3M2R0A4 matches")
        let unknown = try await tool.run("show", "4711", "--data-dir", "my demo")
        #expect(unknown.code == 66)
        #expect(unknown.errors == "error: no saga with the id or key \"4711\"; see skald list\n")
    }

    @Test("a demo leaves alone a directory that holds a service's file")
    func demoOnAServicesFile() async throws {
        let ledger = tool.directory + "/books/ledger.sqlite"
        try FileManager.default.createDirectory(atPath: tool.directory + "/books", withIntermediateDirectories: false)
        #expect(FileManager.default.createFile(atPath: ledger, contents: Data()))
        let demo = try await tool.run("demo", "--orders", "1", "--data-dir", "books")
        #expect(demo.code == 1)
        #expect(demo.errors == "error: books holds a service that is no demo; name another with --data-dir\n")
    }

    @Test("a demo that was killed before it began does not keep the next from running")
    func demoKilled() async throws {
        try FileManager.default.createDirectory(
            atPath: tool.directory + "/skald-demo", withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
        let made = FileManager.default.createFile(
            atPath: tool.directory + "/skald-demo/skald.sqlite", contents: nil, attributes: [.posixPermissions: 0o600])
        try #require(made)
        #expect(try await tool.run("demo", "--orders", "1").code == 0)
    }

    @Test("start --wait --json prints JSON only")
    func waitAsJSON() async throws {
        #expect(try await tool.run("demo", "--orders", "1").code == 0)
        let history = try await tool.run("history", "10001", "--data-dir", "skald-demo", "--json")
        let line = try #require(history.lines.first)
        let input = try #require(try JSONValue.parse(line)["input"])
        try Data(input.text.utf8).write(to: URL(fileURLWithPath: tool.directory + "/order.json"))
        let run = try await tool.run(
            "start", "place-order", "--input", "order.json", "--wait", "--json", "--data-dir", "skald-demo")
        #expect(run.code == 0)
        #expect(run.lines.count == 2)
        for line in run.lines { #expect(throws: Never.self, "\(line)") { try JSONValue.parse(line) } }
    }
}
