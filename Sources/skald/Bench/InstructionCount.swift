import Foundation
import Glibc
import SagaCore

/// How many instructions the engine executes for a saga, as valgrind counts them: the same on every machine that runs the
/// same program, whatever else it does.
struct InstructionCount {
    /// Two runs differ in their sagas only, so that what a start costs falls out.
    static let few = 200
    static let many = 1200

    let directory: String

    struct Result {
        struct Row {
            let what: String
            let perSaga: Int64
        }
        var rows: [Row] = []
    }

    func run() async throws -> Result {
        let valgrind = try Self.program("valgrind")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // valgrind 3.19 gives up at the debugging information of Swift 6.
        let program = directory + "/skald"
        try await Self.end(
            of: ChildProcess(
                Self.program("strip"), ["-g", "-o", program, BenchSite.executable], environment: [:],
                log: directory + "/strip.log"), log: directory + "/strip.log")
        var result = Result()
        let runs = [
            ("engine, one message a transaction", ["--batch", "1"]),
            ("engine, 64 messages a transaction", ["--batch", "64"]),
            ("engine and services, 64 messages a transaction", ["--batch", "64", "--services"]),
        ]
        var progress = ProgressBar("runs", of: runs.count * 2)
        for (number, (what, arguments)) in runs.enumerated() {
            var counts: [Int64] = []
            for sagas in [Self.few, Self.many] {
                let run = "\(directory)/run-\(number)-\(sagas)"
                try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
                let part = ["bench-part", "engine", "--sagas", "\(sagas)", "--dir", run] + arguments
                let child = try ChildProcess(
                    valgrind, ["--tool=callgrind", "--callgrind-out-file=\(run)/callgrind.out", program] + part,
                    // Sets and dictionaries are to be the same in each run.
                    environment: ["SWIFT_DETERMINISTIC_HASHING": "1", "PATH": "/usr/bin:/bin"], log: run + "/log")
                try await Self.end(of: child, log: run + "/log")
                counts.append(try Self.count(inOutput: String(contentsOfFile: run + "/log", encoding: .utf8)))
                progress.show(number * 2 + counts.count)
            }
            let perSaga = Self.perSaga(few: counts[0], many: counts[1])
            result.rows.append(Result.Row(what: what, perSaga: perSaga))
        }
        progress.clear()
        return result
    }

    static func perSaga(few: Int64, many: Int64) -> Int64 { (many - few) / Int64(Self.many - Self.few) }

    /// From callgrind's last lines, such as `==7== Collected : 123456`.
    static func count(inOutput text: String) throws -> Int64 {
        for line in text.split(separator: "\n").reversed() {
            guard let mark = line.range(of: "Collected : ") else { continue }
            if let count = Int64(line[mark.upperBound...].prefix { $0.isNumber }) { return count }
        }
        throw CommandFailure(.refused, "valgrind has counted nothing; \(String(text.suffix(200)).escapedForTerminal)")
    }

    private static func program(_ name: String) throws -> String {
        for directory in ["/usr/bin", "/usr/local/bin", "/bin"] where access("\(directory)/\(name)", X_OK) == 0 {
            return "\(directory)/\(name)"
        }
        throw CommandFailure(
            .unavailable, "\(name) is not installed; apt-get install \(name == "strip" ? "binutils" : name)")
    }

    private static func end(of child: ChildProcess, log: String) async throws {
        defer { child.signal(SIGKILL) }
        guard await child.end(within: .seconds(1800)) == .exited(0) else {
            throw CommandFailure(.refused, "counting instructions failed; log: \(log); --dir keeps it")
        }
    }
}

extension InstructionCount.Result {
    func show(asJSON: Bool) {
        let out = Terminal.standardOutput
        guard !asJSON else {
            let rows = rows.map { row -> JSONValue in
                ["what": .string(row.what), "instructionsPerSaga": .number(JSONNumber(row.perSaga))]
            }
            return out.json(.array(rows))
        }
        var table = TextTable(header: ["", "INSTRUCTIONS A SAGA"])
        for row in rows { table.add([row.what, "\(row.perSaga)"]) }
        for line in table.lines() { out.line(line) }
    }
}
