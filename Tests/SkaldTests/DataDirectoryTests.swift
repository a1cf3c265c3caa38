import ArgumentParser
import Foundation
import GRDB
import SagaStore
import Testing

@testable import skald

/// What commands say of directories that hold no system, or none yet.
@Suite struct DataDirectoryTests {
    private let tool: CommandLineTool

    init() throws { tool = try CommandLineTool() }

    private func data(_ name: String) throws -> DataOptions {
        try DataOptions.parse(["--data-dir", "\(tool.directory)/\(name)"])
    }

    private func makeDirectory(_ name: String) throws -> String {
        let path = "\(tool.directory)/\(name)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        return path
    }

    private func write(_ text: String, to path: String) throws {
        let made = FileManager.default.createFile(
            atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        try #require(made)
    }

    @Test("a file that a worker is about to fill is no system yet, and no error")
    func notSetUpYet() async throws {
        try write("", to: makeDirectory("new") + "/skald.sqlite")
        #expect(try SystemDirectory(data("new")).transport() == nil)

        let list = try await tool.run("list", "--data-dir", "new")
        #expect(list.code == 0)
        #expect(list.output.hasPrefix("nothing in new/skald.sqlite yet: whoever began to set it up did not finish"))
        let json = try await tool.run("list", "--data-dir", "new", "--json")
        #expect(json.code == 0)
        #expect(json.output.isEmpty)
        #expect(json.errors.hasPrefix("nothing in new/skald.sqlite yet"))
        #expect(try await tool.run("dead-letters", "--data-dir", "new").output.hasPrefix("nothing in new"))
        for command in ["show", "history", "retry"] {
            let run = try await tool.run(command, "10248", "--data-dir", "new")
            #expect(run.code == 66, "\(command)")
            #expect(run.errors.hasPrefix("error: nothing in new/skald.sqlite yet"), "\(command): \(run.errors)")
        }

        // Without a store a start goes to the broker, which is not there.
        try write("{}", to: tool.directory + "/order.json")
        let start = try await tool.run("start", "place-order", "--input", "order.json", "--data-dir", "new", "--wait")
        #expect(start.code == 69)
    }

    @Test func whoIsSettingItUpIsSeen() throws {
        let path = try makeDirectory("busy")
        try write("", to: path + "/skald.sqlite")
        try write("", to: path + "/skald.sqlite.lock")
        let descriptor = open(path + "/skald.sqlite.lock", O_RDWR)
        defer { close(descriptor) }
        #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        #expect(
            try SystemDirectory(data("busy")).nothingYet.hasSuffix("setting it up right now; ask again in a moment"))
    }

    @Test("a database that others may read, or that a newer skald has written, is refused with what to do")
    func notForThisSkald() async throws {
        let (shared, newer) = (try makeDirectory("shared"), try makeDirectory("newer"))
        for path in [shared, newer] { _ = try SagaStore(path: path + "/skald.sqlite") }
        chmod(shared + "/skald.sqlite", 0o644)
        try await DatabaseQueue(path: newer + "/skald.sqlite").write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('orchestrator 99')")
        }
        for (name, message) in [("shared", "chmod 600 shared/skald.sqlite"), ("newer", "newer version")] {
            for command in ["list", "show 1", "check", "dead-letters", "retry 1", "worker"] {
                let run = try await tool.shell("\"$SKALD\" \(command) --data-dir \(name)")
                #expect(run.code == 1, "\(command) \(name)")
                #expect(run.errors.hasPrefix("error: "), "\(command) \(name): \(run.errors)")
                #expect(run.errors.contains(message), "\(command) \(name): \(run.errors)")
                #expect(run.errorLines.count == 1, "\(command) \(name): \(run.errors)")
            }
        }
    }

    @Test func whatIsNoSkaldDirectory() async throws {
        _ = try makeDirectory("empty")
        try write("notes", to: tool.directory + "/notes.txt")
        let deep = try makeDirectory("deep")
        try FileManager.default.createDirectory(atPath: deep + "/skald.sqlite", withIntermediateDirectories: false)
        let text = try makeDirectory("text")
        try write(String(repeating: "no database", count: 1000), to: text + "/skald.sqlite")
        let damaged = try makeDirectory("damaged")
        do { _ = try SagaStore(path: damaged + "/skald.sqlite") }
        truncate(damaged + "/skald.sqlite", 5000)
        let cases = [
            ("nowhere", 66, "there is no directory nowhere;"), ("empty", 66, "no database at empty/skald.sqlite;"),
            ("notes.txt", 66, "notes.txt is not a directory;"), ("deep", 1, "deep/skald.sqlite is not a file"),
            ("text", 1, "text/skald.sqlite is not an SQLite database;"),
            ("damaged", 1, "the database is damaged (database disk image is malformed):"),
        ]
        for (name, code, message) in cases {
            for command in [["list"], ["show", "1"], ["check"], ["dead-letters"], ["retry", "1"]] {
                let run = try await tool.shell("\"$SKALD\" \(command.joined(separator: " ")) --data-dir \(name)")
                #expect(run.code == code, "\(command) \(name)")
                #expect(run.errorLines.count == 1, "\(command) \(name)")
                #expect(run.errors.hasPrefix("error: " + message), "\(command) \(name): \(run.errors)")
                #expect(run.output.isEmpty)
            }
        }
        let unset = try await tool.run("list", "--data-dir", "")
        #expect(unset.code == 64)
        #expect(unset.errors.contains("--data-dir is empty"))
    }

    @Test("SIGTERM to a worker or service that has just got its file ends it in order")
    func stoppedAtOnce() async throws {
        for (name, file, words) in [("w", "skald", "worker"), ("p", "payment", "service payment")] {
            let run = try await tool.shell(
                """
                lock=\(name)/\(file).sqlite.lock
                { until [ -s $lock ]; do :; done; kill -TERM $(sed 's/^pid //; s/ .*//' $lock); } &
                exec "$SKALD" \(words) --data-dir \(name)
                """)
            #expect(run.code == 0, "\(words): \(run)")
        }
    }
}
