import ArgumentParser
import Foundation
import SagaBus
import SagaCore
import SagaSimulator

struct Fuzz: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send mutated messages to every consumer of a system in memory, and see that it bears them.",
        discussion: """
            Valid messages of every kind are changed at random: broken bodies, wrong types, foreign ids, headers of the \
            wrong kind, messages too large or meant for another queue. They go to a real worker and real services, \
            beside valid orders. Nothing may crash, hang or get lost, the orders have to end as ever, and the books have \
            to be right. Otherwise it ends with 1 and leaves a file from which the same can be seen again. A process \
            that dies leaves the round it died in.

            Examples:
              skald fuzz
              skald fuzz --messages 1000000 --seed 7 --json
              skald fuzz --replay skald-fuzz-7.json
            """)

    @Option(help: "How many mutated messages.") var messages = 100_000
    @Option(help: "The same seed makes the same messages.") var seed: UInt64 = 1
    @Option(help: ArgumentHelp("Run what such a file holds once more.", valueName: "file")) var replay: String?
    @Option(
        name: .customLong("out"),
        help: ArgumentHelp("Where to leave what was found (default skald-fuzz-SEED.json).", valueName: "file"))
    var file: String?
    @OptionGroup var definitions: DefinitionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...1_000_000_000).contains(messages) else {
            throw ValidationError("--messages must be 1 to 1000000000")
        }
    }

    func run() async throws {
        try await reportingFailures {
            let definitions = try definitions.loadForRunning()
            guard Set(definitions.map(\.name)).isSuperset(of: ["place-order", "cancel-order"]) else {
                throw CommandFailure(.noInput, "needs the definitions of place-order and cancel-order; see --sagas")
            }
            try await runOnDedicatedThread {
                let fuzz = FuzzRun(definitions: definitions)
                if let replay { try again(fuzz, replay) } else { try anew(fuzz) }
            }
        }
    }

    private func anew(_ fuzz: FuzzRun) throws {
        let file = file ?? "skald-fuzz-\(seed).json"
        let clock = ContinuousClock()
        let begin = clock.now
        var progress = ProgressBar("messages", of: messages)
        let report = try fuzz.run(seed: seed, messages: messages) { round in
            // For the case that this process does not survive it.
            try write(round, to: file)
        } progress: {
            progress.show($0)
        }
        progress.clear()
        if let failure = report.failure {
            try write(failure, to: file)
        } else {
            try? FileManager.default.removeItem(atPath: file)
        }
        show(report, seconds: begin.duration(to: clock.now).seconds)
        guard let failure = report.failure else { return }
        throw CommandFailure(
            .refused,
            "\(found(failure.findings.count)); to see it again: skald fuzz --replay \(file.escapedForTerminal)")
    }

    private func again(_ fuzz: FuzzRun, _ path: String) throws {
        let bytes = try InputFile.bytes(at: path)
        guard let json = try? JSONValue.parse(bytes, limits: .stored), let failure = FuzzCase(json: json) else {
            throw CommandFailure(.noInput, "\(path.escapedForTerminal) is no file that skald fuzz has left")
        }
        let findings = try fuzz.replay(failure)
        show(findings)
        if !findings.isEmpty { throw CommandFailure(.refused, found(findings.count)) }
        if !output.isJSON { Terminal.standardOutput.line("nothing found this time") }
    }

    private func write(_ failure: FuzzCase, to path: String) throws {
        do {
            try Data(failure.json.prettyText.utf8).write(to: URL(fileURLWithPath: path))
        } catch {
            throw CommandFailure(.noInput, "cannot write \(path.escapedForTerminal); name another with --out")
        }
    }

    private func found(_ count: Int) -> String { count == 1 ? "1 finding" : "\(count) findings" }

    private func show(_ report: FuzzRun.Report, seconds: Double) {
        let out = Terminal.standardOutput
        guard !output.isJSON else {
            out.json(.object(json(report)))
            return
        }
        let speed = Int(Double(report.mutants) / max(seconds, 0.001))
        out.line(
            "\(report.mutants) mutants and \(report.neighbours) valid messages in \(report.rounds) rounds, "
                + "\(speed) mutants a second")
        var table = TextTable(header: ["DOOR AND RESULT", "MESSAGES"])
        for line in report.tally.lines { table.add([line.name, "\(line.count)"]) }
        for line in table.lines() { out.line("  " + line) }
        show(report.failure?.findings ?? [])
        if report.failure == nil { out.line(out.style("no crash, no consumer that hangs, no lost neighbour", .green)) }
    }

    private func show(_ findings: [FuzzFinding]) {
        let out = Terminal.standardOutput
        for finding in findings {
            if output.isJSON {
                out.json(["finding": .string("\(finding)")])
            } else {
                out.line(out.style("WRONG \(finding)".escapedForTerminal, .red))
            }
        }
    }

    private func json(_ report: FuzzRun.Report) -> JSONObject {
        var results = JSONObject()
        for line in report.tally.lines { results[line.name] = .number(JSONNumber(Int64(line.count))) }
        return [
            "seed": .string("\(seed)"), "mutants": .number(JSONNumber(Int64(report.mutants))),
            "valid": .number(JSONNumber(Int64(report.neighbours))),
            "rounds": .number(JSONNumber(Int64(report.rounds))), "results": .object(results),
            "findings": .array((report.failure?.findings ?? []).map { .string("\($0)") }),
        ]
    }
}
