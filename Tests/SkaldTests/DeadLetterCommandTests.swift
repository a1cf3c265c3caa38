import Foundation
import SagaBus
import SagaCore
import SagaStore
import Testing

@testable import SagaEngine
@testable import skald

/// `skald dead-letters` as it is called.
@Suite struct DeadLetterCommandTests {
    private let tool: CommandLineTool
    private static let now = Timestamp(milliseconds: 1_795_227_247_000)

    init() throws { tool = try CommandLineTool() }

    /// A worker's file, with these dead letters, that no worker has open.
    private func file(_ letters: (Message, RefusalCode)...) throws {
        let store = try SagaStore(path: tool.directory + "/skald-data/skald.sqlite")
        try store.claim(transport: "amqp://127.0.0.1:1/", shard: 0)
        try store.write { transaction in
            for (message, reason) in letters { try transaction.keep(message, reason, at: Self.now) }
        }
    }

    private func letter(_ number: Int64) throws -> StoredDeadLetter? {
        try SagaStoreReader(path: tool.directory + "/skald-data/skald.sqlite").read { try $0.deadLetter(number) }
    }

    private static let start = StartRequest(requestID: "r", definition: "place-order", input: ["orderId": "1"])
        .message(shard: 0)
    private static let cancel = OperatorMessage(requestID: "r", verb: "cancel", body: ["saga": "x"])
        .message(shard: 0, expirationMilliseconds: 1)

    @Test("without a subcommand it lists, with the flags of the list")
    func listIsTheDefault() async throws {
        try file((Self.start, .definitionUnknown), (Self.start, .internal))
        for arguments in [["dead-letters"], ["dead-letters", "list"]] {
            let words = arguments.joined(separator: " ")
            let run = try await tool.shell("\"$SKALD\" \(words) --limit 1")
            #expect(run.code == 0)
            #expect(run.line(0).split(separator: " ").prefix(3) == ["NUMBER", "WHEN", "REASON"])
            #expect(run.line(1).hasPrefix("2 "))
            #expect(run.output.contains("next page: skald dead-letters list --limit 1 --after 2"))
            let json = try await tool.shell("\"$SKALD\" \(words) --json --after 2")
            #expect(json.lines.count == 1)
            #expect(try JSONValue.parse(json.output)["reason"] == "DEFINITION_UNKNOWN")
        }
    }

    @Test func showOne() async throws {
        try file((Self.start, .definitionUnknown))
        let text = try await tool.run("dead-letters", "show", "1")
        #expect(text.code == 0)
        #expect(text.lines.last == "  skald dead-letters discard 1 --reason \"…\"")
        let json = try await tool.run("dead-letters", "show", "1", "--json")
        #expect(try JSONValue.parse(json.output)["replay"]?["safety"] == "safe")
        #expect(try JSONValue.parse(json.output)["body"] == ["orderId": "1"])
        let missing = try await tool.run("dead-letters", "show", "9")
        #expect(missing.code == 66)
        #expect(missing.errors == "error: no dead letter 9; skald dead-letters list --all shows those there are\n")
    }

    @Test("where no worker runs, a replay waits in the file for one; who and why are kept")
    func replayAlone() async throws {
        try file((Self.start, .definitionUnknown), (Self.start, .definitionUnknown))
        let run = try await tool.run("dead-letters", "replay", "1", "2", "1", "--reason", "installed, ticket 7")
        #expect(run.code == 0, "\(run)")
        #expect(
            run.lines
                == [1, 2].map {
                    "\($0): sent to where it was going; no worker runs: what this sends leaves when one starts"
                })
        let settled = try #require(try letter(1)?.settlement)
        #expect(settled.outcome == "replayed")
        #expect(settled.reason == "installed, ticket 7")
        #expect(settled.author == NSUserName())
        let outbox = try SagaStoreReader(path: tool.directory + "/skald-data/skald.sqlite").read { try $0.outbox() }
        #expect(outbox.map(\.exchange) == ["skald.starts", "skald.starts"])
        #expect(outbox.first?.body == Self.start.body)
        #expect(try await tool.run("dead-letters").output == "no dead letters\n")

        let again = try await tool.run("dead-letters", "discard", "2", "--reason", "x", "--json")
        #expect(again.code == 1)
        let answer = try JSONValue.parse(again.output)
        #expect(answer["deadLetter"]?.int64 == 2)
        #expect(answer["answer"] == "refused")
        #expect(answer["code"] == "CONFLICT")
        let text = try await tool.run("dead-letters", "discard", "2", "--reason", "x")
        #expect(text.errors == "2: CONFLICT: it has been replayed already\n")
    }

    @Test("Rule 21: the same request id is applied once")
    func sameRequest() async throws {
        try file((Self.start, .definitionUnknown))
        for _ in 1...2 {
            let run = try await tool.run(
                "dead-letters", "discard", "1", "--reason", "test", "--request-id", "r-1", "--json")
            #expect(run.code == 0)
            #expect(try JSONValue.parse(run.output)["answer"] == "applied")
        }
    }

    @Test("what is not safe is replayed only by force, and then nothing else of the list without it")
    func unsafe() async throws {
        try file((Self.start, .definitionUnknown), (Self.cancel, .internal))
        let refused = try await tool.run("dead-letters", "replay", "1", "2", "--reason", "x")
        #expect(refused.code == 1)
        #expect(
            refused.errors.hasPrefix("error: nothing was sent: 2 is not safe to replay: the operator's request cancel"))
        #expect(try letter(1)?.settlement == nil)
        #expect(try await tool.run("dead-letters", "replay", "1", "2", "--reason", "x", "--force").code == 0)
        #expect(try letter(2)?.settlement?.outcome == "replayed")
    }

    @Test func wrongUse() async throws {
        try file((Self.start, .definitionUnknown))
        for line in ["replay --reason x", "replay 1", "discard 1 --reason ''", "replay one --reason x"] {
            #expect(try await tool.shell("\"$SKALD\" dead-letters \(line)").code == 64, "\(line)")
        }
        for verb in ["replay", "discard"] {
            let run = try await tool.run("dead-letters", verb, "1", "7", "8", "--reason", "x")
            #expect(run.code == 66)
            #expect(run.errors.hasPrefix("error: no dead letter 7, 8;"))
            #expect(try letter(1)?.settlement == nil)
        }
    }

    @Test("in an embedded system a replayed start runs to its end before the command returns")
    func replayEmbedded() async throws {
        #expect(try await tool.run("demo", "--orders", "3", "--data-dir", "skald-data").code == 0)
        let order: JSONValue = [
            "orderId": "4711", "customerId": "C1", "currency": "EUR", "total": 500,
            "lines": [["sku": "1", "quantity": 1, "unitPrice": 500, "discount": 0]],
            "paymentMethod": ["type": "card", "token": "tok_visa"],
        ]
        let message = StartRequest(requestID: "late", definition: "place-order", input: order).message(shard: 0)
        do {
            let store = try SagaStore(path: tool.directory + "/skald-data/skald.sqlite")
            try store.write { try $0.keep(message, .definitionUnknown, at: Self.now) }
        }
        let run = try await tool.run("dead-letters", "replay", "1", "--reason", "installed")
        #expect(run.code == 0, "\(run)")
        #expect(run.output == "1: sent to where it was going\n")
        let list = try await tool.run("list", "--key", "4711", "--json")
        let status = try JSONValue.parse(list.output)["status"]
        #expect(status == "completed" || status == "compensated")
    }
}
