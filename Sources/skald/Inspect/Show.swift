import ArgumentParser
import DurableSQLite
import SagaCore
import SagaStore

struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Explain one saga: status, why, steps, effects, what happens next, what you can do.",
        discussion: """
            The commands it offers are those the saga would accept now; each is printed to be copied. Times are UTC. \
            A business key means the newest saga that has it; others with the key are listed.

            Examples:
              skald show 10248
              skald show 0G7Q9C3M2R0A4 --json
            """)

    @Argument(help: ArgumentHelp("The saga's id, or its business key.", valueName: "id|key")) var saga: String
    @OptionGroup var data: DataOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reportingFailures {
            let out = Terminal.standardOutput
            if let pruned = try data.read({ try PrunedSaga.find(saga, in: $0) }) {
                if output.isJSON { return out.prettyJSON(pruned.json) }
                for line in pruned.lines(paint: out.paint) { out.line(line) }
                return
            }
            let (record, transport, silent) = try data.read {
                (
                    try SagaRecord.find(saga, in: $0), try $0.fact(StoreFact.transport),
                    try SilentParticipant.all(in: $0)
                )
            }
            let surroundings = Surroundings(
                unpublished: record.unpublished, held: record.held, silent: silent,
                isWorkerThere: FileLock.isHeld(path: data.storePath + ".lock"),
                isEmbedded: transport == StoreTransport.embedded, others: record.others, flags: data.flagForCopying)
            switch record.content {
            case .readable(let definition, let history):
                let report = SagaReport(
                    history.state(of: record.row.id, definition), history: history, now: .wallClock,
                    surroundings: surroundings)
                if output.isJSON { return out.prettyJSON(report.json) }
                for line in report.lines(paint: out.paint) { out.line(line) }
            case .unreadable(let why):
                let report = UnreadableReport(row: record.row, why: why)
                if output.isJSON { return out.prettyJSON(report.json) }
                for line in report.lines(paint: out.paint) { out.line(line) }
            }
        }
    }
}

/// What the index row says of a saga whose definition or history this version cannot read.
struct UnreadableReport {
    let row: SagaSummary
    let why: String

    func lines(paint: Paint) -> [String] {
        var lines = [
            paint(
                "Saga \(row.id), \(row.name) \(row.version), key \(row.key.shown(upTo: 60))".escapedForTerminal, .bold),
            paint("This version of skald cannot read it: \(why.escapedForTerminal).", .red),
            "  Its index row says: \(row.status.rawValue)\(row.isPaused ? ", paused" : ""), "
                + "event \(row.sequence), started \(TimeText.full(row.startedAt)), "
                + "last changed \(TimeText.full(row.updatedAt)) UTC.",
        ]
        if !row.steps.isEmpty {
            lines.append("  Steps out or stuck: \(row.steps.joined(separator: ", ").shown(upTo: 300)).")
        }
        if let code = row.errorCode {
            lines.append("  Last error: \(StepError(code: code, message: row.errorMessage ?? "").words).")
        }
        lines.append("  Its history is kept as it is. Use the version of skald that wrote it.")
        return lines
    }

    var json: JSONValue {
        var object = row.json.object ?? [:]
        object["unreadable"] = .string(why)
        return .object(object)
    }
}
