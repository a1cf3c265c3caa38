import Foundation
import SagaCore
import SagaStore
import Testing

@testable import skald

/// How the tool behaves in the terminals, pipes and files that people put it into.
@Suite struct TerminalTests {
    private let tool: CommandLineTool
    private static let hasTerminals = FileManager.default.isExecutableFile(atPath: "/usr/bin/script")

    init() throws {
        tool = try CommandLineTool()
        let store = try SagaStore(path: tool.directory + "/skald-data/skald.sqlite")
        try store.write { transaction in
            for number in 1...3000 {
                try transaction.addDeadLetter(
                    at: Timestamp(milliseconds: 0), reason: "REPLY_UNKNOWN", detail: "number \(number)", saga: nil,
                    exchange: "skald.replies", routingKey: "skald.replies.0", properties: Array("{}".utf8), body: [])
            }
        }
    }

    @Test("whoever closes the pipe has read enough: no message, no crash", arguments: ["", "trap '' PIPE; "])
    func closedPipe(prefix: String) async throws {
        let run = try await tool.shell(
            "\(prefix)\"$SKALD\" dead-letters --limit 10000 --json | head -n 1; \"$SKALD\" dead-letters --limit 10000 | head -n 1"
        )
        #expect(run.lines.count == 2)
        #expect(run.errors.isEmpty)
    }

    @Test("output that cannot be written is an error")
    func fullDisk() async throws {
        let run = try await tool.shell("\"$SKALD\" dead-letters > /dev/full")
        #expect(run.code == 1)
        #expect(run.errors == "error: cannot write the output: No space left on device\n")
    }

    @Test("a terminal without size, or a very narrow one", arguments: ["0", "1", "20"])
    func narrow(columns: String) async throws {
        for arguments in ["--help", "list --help", "list --limit 0", "dead-letters --limit 1"] {
            let run = try await tool.shell("\"$SKALD\" \(arguments)", environment: ["COLUMNS": columns])
            #expect([0, 64].contains(run.code), "\(arguments)")
            #expect(!(run.output + run.errors).contains("Fatal error"), "\(arguments)")
        }
    }

    @Test("colours in a terminal, none with NO_COLOR", .enabled(if: hasTerminals))
    func colours() async throws {
        let line = "script -qec \"stty cols 0 rows 0; '$SKALD' dead-letters show 1\" /dev/null"
        let coloured = try await tool.shell(line, environment: ["TERM": "xterm"])
        #expect(coloured.output.contains("\u{1b}[1mDead letter 1"))
        let plain = try await tool.shell(line, environment: ["TERM": "xterm", "NO_COLOR": "1"])
        #expect(plain.output.contains("Dead letter 1"))
        #expect(!plain.output.contains("\u{1b}"))
    }

    @Test("in a pipe nothing but text")
    func pipe() async throws {
        #expect(try await !tool.run("dead-letters", "show", "1").output.contains("\u{1b}"))
        #expect(try await tool.run("check").errors.isEmpty)
    }
}
