import ArgumentParser
import Foundation
import SagaCore
import Testing

@testable import skald

/// What the commands say when they are called wrongly, or where they cannot work.
@Suite("Bad input: the command line")
struct CommandLineDoorTests {
    private let tool: CommandLineTool

    init() throws { tool = try CommandLineTool() }

    @Test("wrong usage ends with 64 and says what is wanted")
    func usage() async throws {
        let cases = [
            ("start 'no definition' --input o.json", "a definition's name is like place-order"),
            ("start place-order --input o.json --again 4711", "a saga's id has 13 characters like 0G7Q9C3M2R0A4"),
            ("start place-order --input o.json --version one", "--version"),
            ("start place-order --input o.json --batch --again 0G7Q9C3M2R0A4", "not with --batch"),
            ("start place-order", "--input"), ("list --colour red", "--colour"), ("list --status asleep", "--status"),
            ("list --older-than yesterday", "--older-than"), ("list --step 'a b'", "--step wants the name of a step"),
            ("list --definition 'a b'", "--definition wants a saga's name"),
            ("history 1 --at 0", "--at wants the number"),
            ("resolve 1 --step s --as perhaps", "--as"), ("retry", "id|key"), ("explode 1", "explode"),
            ("skip 1 --step s --output '[1]'", "--output wants a JSON object"),
            ("skip 1 --step s --output '{\"a\":'", "--output wants a JSON object"),
            ("retry 1 --expect soon", "--expect"),
            ("abandon 1 --reason ''", "abandon needs --reason"), ("dead-letters discard x --reason r", "number"),
            ("service bakery", "bakery"), ("service ledger --stock s.jsonl", "--stock goes with inventory"),
            ("fuzz --messages 0", "--messages must be 1 to"), ("fuzz --seed -1", "--seed"),
            ("list --newer-than 1h --older-than 2h", "exchange --older-than and --newer-than"),
            ("list --newer-than 2026-11-21 --older-than 2026-11-21", "exchange --older-than and --newer-than"),
            ("list --limit -1", "--limit"), ("list --limit=-1", "--limit must be 1 to 10000"),
            ("list --limit 99999999999999999999", "--limit"), ("dead-letters --after=0", "--after wants the number"),
            ("retry 1 --request-id ''", "--request-id wants 1 to 200 bytes"),
            ("dead-letters discard 1 --reason x --request-id ''", "--request-id wants 1 to 200 bytes"),
            ("prune", "--older-than"), ("prune --older-than 29d", "a duration of at least 30d"),
            ("prune --older-than 2026-01-01", "a duration of at least 30d"),
            ("worker --prune-after 719h", "a duration of at least 30d"),
            ("worker --prune-after never", "--prune-after"),
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

    @Test("an input file that is missing, empty, a directory, half written or no text: one line, and nothing is sent")
    func files() async throws {
        func write(_ name: String, _ bytes: [UInt8]) throws {
            try Data(bytes).write(to: URL(fileURLWithPath: "\(tool.directory)/\(name)"))
        }
        try write("empty", [])
        try write("blank", Array(" \n\n".utf8))
        try write("half", Array("{\"orderId\": \"s3cret\",\n \"lines\": [".utf8))
        try write("list", Array("[\"s3cret\"]".utf8))
        try write("latin", Array("{\"name\": \"".utf8) + [0xE9] + Array("\"}".utf8))
        try write("sixteen", [0xFF, 0xFE, 0x7B, 0, 0x7D, 0])
        try FileManager.default.createDirectory(atPath: tool.directory + "/folder", withIntermediateDirectories: false)
        let cases: [(String, Int32, String)] = [
            ("start place-order --input none", 66, "error: no such file: none"),
            ("start place-order --input empty", 66, "error: empty is empty"),
            ("start place-order --input folder", 66, "error: folder is a directory, not a file"),
            ("start place-order --input - < empty", 1, "standard input:1:1: error: JSON_SYNTAX: expected "),
            ("start place-order --batch --input blank", 66, "error: blank holds no input"),
            ("start place-order --input half", 1, "half:2:12: error: JSON_SYNTAX: expected "),
            ("start place-order --input list", 1, "list:1:1: error: FIELD_TYPE: expected a JSON object"),
            ("start place-order --input latin", 1, "latin:1:11: error: JSON_ENCODING: expected "),
            ("start place-order --input sixteen", 1, "sixteen:1:1: error: JSON_ENCODING: expected "),
            ("service inventory --stock none", 66, "error: no such file: none"),
            ("service inventory --stock folder", 66, "error: folder is a directory, not a file"),
            ("service inventory --stock latin", 66, "error: latin is not UTF-8"),
            ("lint none", 66, "error: "), ("graph none", 66, "error: no file and no definition none"),
            ("lint half", 1, ""),
            ("fuzz --replay none", 66, "error: no such file: none"),
            ("fuzz --replay half", 66, "error: half is no file that skald fuzz has left"),
        ]
        for (line, code, message) in cases {
            let run = try await tool.shell("\"$SKALD\" \(line)")
            #expect(run.code == code, "\(line): \(run.errors)")
            #expect(run.errors.hasPrefix(message), "\(line): \(run.errors)")
            #expect(!(run.errors + run.output).contains("s3cret"), "\(line)")
            if !message.isEmpty { #expect(run.errorLines.count == 1, "\(line): \(run.errors)") }
        }
    }

    /// An order with one thing wrong, and what is said of it.
    private static let orders: [(old: String, new: String, code: String, path: String)] = [
        (#""total":100"#, #""total":0.1"#, "MONEY_FORMAT", "total"),
        (#""total":100"#, #""total":1.0"#, "MONEY_FORMAT", "total"),
        (#""total":100"#, #""total":1e3"#, "MONEY_FORMAT", "total"),
        (#""total":100"#, #""total":"100""#, "MONEY_FORMAT", "total"),
        (#""total":100"#, #""total":-100"#, "MONEY_RANGE", "total"),
        (#""total":100"#, #""total":0"#, "MONEY_RANGE", "total"),
        (#""total":100"#, #""total":9223372036854775808"#, "MONEY_RANGE", "total"),
        (#""total":100"#, #""total":101"#, "MONEY_MISMATCH", "total"),
        (#""unitPrice":50"#, #""unitPrice":9223372036854775807"#, "MONEY_OVERFLOW", "lines[0]"),
        (#""unitPrice":50"#, #""unitPrice":0.5"#, "MONEY_FORMAT", "lines[0].unitPrice"),
        (#""discount":0"#, #""discount":101"#, "MONEY_RANGE", "lines[0].discount"),
        (#""quantity":2"#, #""quantity":0"#, "FIELD_VALUE", "lines[0].quantity"),
        (#""quantity":2"#, #""quantity":2.0"#, "FIELD_TYPE", "lines[0].quantity"),
        (#""currency":"EUR""#, #""currency":"S3cret""#, "CURRENCY_UNKNOWN", "currency"),
        (#""currency":"EUR","#, "", "FIELD_MISSING", "currency"),
        (#""orderId":"bad""#, #""orderId":"""#, "KEY_FORMAT", "key"),
        (#""orderId":"bad""#, #""orderId":"s3cret\u0007""#, "FIELD_VALUE", "orderId"),
        (#""orderId":"bad""#, #""orderId":"10001""#, "IDEMPOTENCY_CONFLICT", ""),
        (#""orderId":"bad","#, #""orderId":"bad","orderId":"bad","#, "JSON_DUPLICATE_KEY", ""),
        (#""orderId":"bad""#, #""orderId":"\ud800""#, "JSON_ENCODING", ""),
        (#""orderId":"bad""#, #""orderId":"s3cret\u0000""#, "JSON_ENCODING", ""),
        (#""total":100"#, #""total":NaN"#, "JSON_NUMBER", ""), (#""total":100"#, #""total":1e400"#, "JSON_NUMBER", ""),
        (#""total":100"#, #""total":100,"#, "JSON_SYNTAX", ""),
        (#""total":100"#, #""total":"s3cret"#, "JSON_SYNTAX", ""),
        (
            #""total":100"#,
            #""total":100,"x":\#(String(repeating: "[", count: 33))\#(String(repeating: "]", count: 33))"#,
            "JSON_DEPTH", ""
        ),
        (
            #""total":100"#, #""total":100,"x":"\#(String(repeating: "x", count: 256 << 10))""#, "MESSAGE_TOO_LARGE", ""
        ),
    ]

    @Test("an order with something wrong is refused with line, code and path; the right ones beside it start")
    func orders() async throws {
        #expect(try await tool.run("demo", "--orders", "1").code == 0)
        func order(_ id: String) -> String {
            """
            {"orderId":"\(id)","customerId":"s3cret","currency":"EUR","total":100,"lines":[{"sku":"1","quantity":2,\
            "unitPrice":50,"discount":0}],"paymentMethod":{"type":"card","token":"tok_visa"}}
            """
        }
        var lines = [order("first")]
        for row in Self.orders {
            let line = order("bad").replacing(row.old, with: row.new)
            #expect(line != order("bad"), "\(row)")
            lines.append(line)
        }
        lines.append(order("last"))
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: tool.directory + "/orders.jsonl"))
        let run = try await tool.run(
            "start", "place-order", "--batch", "--input", "orders.jsonl", "--json", "--data-dir", "skald-demo")
        #expect(run.code == 1)
        #expect(!run.output.contains("s3cret"))
        var told: [Int64: JSONValue] = [:]
        for line in run.lines {
            let json = try JSONValue.parse(line)
            // The others tell how those that were started have ended.
            if let number = json["line"]?.int64 { told[number] = json }
        }
        #expect(told.count == lines.count)
        for (index, row) in Self.orders.enumerated() {
            let answer = told[Int64(index + 2)]
            #expect(answer?["code"]?.string == row.code, "\(row.new.prefix(60)): \(answer?.text ?? "nothing")")
            #expect(answer?["path"]?.string == row.path, "\(row.new.prefix(60)): \(answer?.text ?? "nothing")")
        }
        for line in [1, Int64(lines.count)] { #expect(told[line]?["saga"] != nil && told[line]?["code"] == nil) }
    }

    @Test("a field is called as the command line calls it")
    func fields() async throws {
        #expect(try await tool.run("demo", "--orders", "1").code == 0)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: tool.directory + "/order.json"))
        let id = try #require(
            try JSONValue.parse(try await tool.run("list", "--json", "--data-dir", "skald-demo").line(0))["id"]?.string)
        let cases = [
            ("start no-such --input order.json", "DEFINITION_UNKNOWN: known definitions: cancel-order, place-order"),
            ("start place-order --input order.json --version 9", "VERSION_UNKNOWN: --version: known versions: 1"),
            ("start place-order --input order.json", "INPUT_MISSING: orderId: "),
            (
                "pause \(id) --reason $(printf '%04001d' 0)",
                "error: FIELD_VALUE: --reason: must be a text of at most 4000"
            ),
        ]
        for (line, message) in cases {
            let run = try await tool.shell("\"$SKALD\" \(line) --data-dir skald-demo")
            #expect(run.code == 1, "\(line)")
            #expect(run.errors.hasPrefix(message), "\(line): \(run.errors)")
            #expect(run.errorLines.count == 1)
        }
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
