import ArgumentParser
import DurableSQLite
import Foundation
import SagaBus
import SagaCore
import SagaStore
import Testing

@testable import skald

/// `skald prune` as it is called, and what the other commands say of a saga that has been pruned.
@Suite struct PruneTests {
    private static let day: Int64 = 24 * 3_600_000
    private let tool: CommandLineTool

    init() throws { tool = try CommandLineTool() }

    /// A worker's file that no worker has open: 40 days ago a saga was completed and another abandoned, of the same
    /// age one is still running, and one was completed today.
    private func file() throws -> (completed: SagaID, abandoned: SagaID, running: SagaID, young: SagaID) {
        let store = try SagaStore(path: tool.directory + "/skald-data/skald.sqlite")
        try store.claim(transport: "amqp://127.0.0.1:1/", shard: 0)
        let seeded = try SeededStore(in: store)
        func completed(_ key: String) throws -> SagaID {
            let saga = try seeded.start(key)
            try seeded.succeed(saga, "reserve-stock", "authorize", "capture", "settle")
            return saga
        }
        seeded.now = .wallClock.adding(milliseconds: -40 * Self.day)
        let first = try completed("10248")
        let abandoned = try seeded.start("10249")
        try seeded.ask(abandoned, .abandon, reason: "test")
        let running = try seeded.start("10250")
        seeded.now = .wallClock.adding(milliseconds: -1000)
        return (first, abandoned, running, try completed("10251"))
    }

    @Test("prune --dry-run says what would go and changes nothing; prune removes it, and the rest stays in order")
    func prune() async throws {
        let sagas = try file()
        let dry = try await tool.run("prune", "--older-than", "30d", "--dry-run")
        #expect(dry.code == 0)
        #expect(dry.line(0) == "would go: 2 sagas (1 completed, 1 abandoned), 0 settled dead letters")
        let none = try await tool.run("prune", "--older-than", "41d", "--dry-run", "--json")
        #expect(try JSONValue.parse(none.output)["sagas"] == 0)
        let run = try await tool.run("prune", "--older-than", "30d")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.line(0) == "removed: 2 sagas, 0 settled dead letters")
        #expect(run.line(1) == "Keys, ids and final statuses stay. The file keeps its size; the room is used again.")
        let again = try await tool.run("prune", "--older-than", "30d", "--json")
        #expect(
            try JSONValue.parse(again.output) == ["dryRun": false, "sagas": 0, "deadLetters": 0, "answers": 0])

        let check = try await tool.run("check", "--integrity")
        #expect(check.code == 0)
        #expect(check.output.contains("2 sagas read"))
        let list = try await tool.run("list", "--json")
        #expect(
            Set(list.lines.compactMap { try? JSONValue.parse($0)["id"]?.string }) == [
                sagas.running.description, sagas.young.description,
            ])
    }

    @Test("show, history, list and the verbs say that a saga has been pruned, by its key and by its id")
    func pruned() async throws {
        let sagas = try file()
        #expect(try await tool.run("prune", "--older-than", "30d").code == 0)
        for name in ["10248", sagas.completed.description] {
            let show = try await tool.run("show", name)
            #expect(show.code == 0)
            #expect(show.line(0).hasPrefix("Saga \(sagas.completed), place-order, key 10248: completed 20"))
            #expect(show.line(0).hasSuffix(" UTC, and has been pruned."))
            let json = try await tool.run("show", name, "--json")
            #expect(try JSONValue.parse(json.output)["status"] == "completed")
            #expect(try JSONValue.parse(json.output)["pruned"] == true)
            for command in ["history", "retry"] {
                let run = try await tool.run(command, name)
                #expect(run.code == 66)
                #expect(run.errors.contains("has been pruned: its history is gone"), "\(command): \(run.errors)")
            }
        }
        let list = try await tool.run("list", "--key", "10249")
        #expect(list.lines.last == "pruned: \(sagas.abandoned), place-order, abandoned")
        #expect(try await tool.run("show", "10250").line(0).contains("pruned") == false)
        #expect(try await tool.run("show", "nobody").errors.contains("no saga with the id or key"))
    }

    @Test("A dead letter of a pruned saga is shown, and what a replay would do")
    func deadLetters() async throws {
        let sagas = try file()
        let id = CommandID(saga: sagas.completed, step: "authorize", kind: .compensation, round: 1)
        let reply = Reply(command: id, outcome: .failed, attempt: 1, body: ["code": "NO"]).message(
            to: "skald.replies.0")
        let command = Command(
            id: id, type: "payment.void", attempt: 1, participant: "payment", replyTo: "skald.replies.0",
            traceparent: nil, body: [:]
        ).message()
        try SagaStore(path: tool.directory + "/skald-data/skald.sqlite").write {
            try $0.keep(reply, .replyContradicts, at: .wallClock)
            try $0.keep(command, .badCommand, at: .wallClock)
        }
        #expect(try await tool.run("prune", "--older-than", "30d").code == 0)
        let list = try await tool.run("dead-letters")
        #expect(list.output.contains(sagas.completed.description))
        let shown = try await tool.run("dead-letters", "show", "1")
        #expect(shown.output.contains("it would be ignored: the saga has ended (completed) and been pruned"))
        let json = try await tool.run("dead-letters", "show", "2", "--json")
        #expect(try JSONValue.parse(json.output)["replay"]?["safety"] == "unsafe")
    }

    @Test("A whole system with everything pruned: the books hold, the same start finds its saga, and --wait ends")
    func books() async throws {
        #expect(try await tool.run("demo", "--orders", "20", "--data-dir", "shop").code == 0)
        try Data(
            """
            {"orderId":"1","customerId":"c","currency":"EUR","total":100,
             "lines":[{"sku":"none","quantity":1,"unitPrice":100,"discount":0}],
             "paymentMethod":{"type":"card","token":"tok_visa"}}
            """.utf8
        ).write(to: URL(fileURLWithPath: tool.directory + "/order.json"))
        let start = "\"$SKALD\" start place-order --input order.json --wait --data-dir shop"
        let first = try await tool.shell(start)
        #expect(first.line(1).hasSuffix(" compensated"), "\(first.output)\(first.errors)")
        // Nothing is that old yet.
        let none = try await tool.run("prune", "--older-than", "30d", "--data-dir", "shop")
        #expect(none.lines == ["removed: 0 sagas, 0 settled dead letters"], "\(none.errors)")
        let tomorrow = Timestamp.wallClock.adding(milliseconds: Self.day)
        let piece = try SagaStore(path: tool.directory + "/shop/skald.sqlite").write {
            try $0.prune(endedBefore: tomorrow, after: nil, limit: 1000, at: .wallClock)
        }
        #expect(piece.sagas == 21)
        let again = try await tool.shell(start)
        #expect(again.code == 0)
        #expect(again.line(0).contains("exists already: the same input was started before (compensated)"))
        #expect(again.line(1) == first.line(1))
        let check = try await tool.run("check", "--books", "--data-dir", "shop")
        #expect(check.code == 0, "\(check.output)")
        #expect(check.output.contains("0 sagas read"))
    }

    @Test("The file of a worker that takes no requests is not pruned, and that is said")
    func nobodyThere() async throws {
        _ = try file()
        let lock = try FileLock(path: tool.directory + "/skald-data/skald.sqlite.lock")
        let run = try await tool.run("prune", "--older-than", "30d")
        #expect(run.code == 69)
        withExtendedLifetime(lock) {}
    }

    @Test("The options are understood")
    func options() throws {
        let worker = try #require(try Skald.parseAsRoot(["worker", "--prune-after", "90d"]) as? Worker)
        #expect(worker.pruneAfter == 90 * Self.day)
        let never = try #require(try Skald.parseAsRoot(["worker"]) as? Worker)
        #expect(never.pruneAfter == nil)
        let prune = try #require(try Skald.parseAsRoot(["prune", "--older-than", "720h"]) as? Prune)
        #expect(prune.olderThan == 30 * Self.day)
    }
}
