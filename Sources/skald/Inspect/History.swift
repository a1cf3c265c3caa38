import ArgumentParser
import DurableSQLite
import SagaCore
import SagaStore

struct History: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show everything that has happened to a saga, in order.",
        discussion: """
            One line an event: its number, when (UTC), what. With --json the events as they are stored, one a line. \
            With --at the saga as it stood after that event. A business key means the newest saga that has it.

            Examples:
              skald history 10248
              skald history 0G7Q9C3M2R0A4 --at 12
              skald history 10248 --json | jq 'select(.event == "sent")'
            """)

    @Argument(help: ArgumentHelp("The saga's id, or its business key.", valueName: "id|key")) var saga: String
    @Option(help: ArgumentHelp("Show the saga as it stood after this event.", valueName: "number")) var at: Int?
    @OptionGroup var data: DataOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let at, at < 1 { throw ValidationError("--at wants the number of an event, 1 or more") }
    }

    func run() throws {
        try reportingFailures {
            let record = try data.read { try SagaRecord.find(saga, in: $0) }
            let (definition, history) = try record.readable()
            let out = Terminal.standardOutput
            if let at {
                guard at <= history.count else {
                    throw CommandFailure(.noInput, "the history of \(record.row.id) has \(history.count) events")
                }
                let report = SagaReport(
                    history.state(of: record.row.id, definition, upTo: at),
                    history: Array(history.prefix { $0.sequence <= at }), now: history[at - 1].at)
                if output.isJSON { return out.prettyJSON(report.json) }
                for line in report.lines(paint: out.paint) { out.line(line) }
            } else if output.isJSON {
                for entry in history { out.json(entry.lineJSON) }
            } else {
                for line in HistoryText(record.row, definition, history).lines(paint: out.paint) { out.line(line) }
            }
        }
    }
}

/// A saga's history, one line an event.
struct HistoryText {
    private let row: SagaSummary
    private let definition: SagaDefinition
    private let history: [HistoryEntry]

    init(_ row: SagaSummary, _ definition: SagaDefinition, _ history: [HistoryEntry]) {
        self.row = row
        self.definition = definition
        self.history = history
    }

    func lines(paint: Paint) -> [String] {
        let status = row.status.rawValue + (row.isPaused ? ", paused" : "")
        let title = "Saga \(row.id), \(row.name) \(row.version), key \(row.key.shown(upTo: 60)): \(status)"
        let width = String(history.last?.sequence ?? 0).count
        return [paint(title.escapedForTerminal, .bold)]
            + history.map { entry in
                let words = EventWords(definition: definition, now: entry.at).text(entry.event)
                let number = String(entry.sequence)
                let padding = String(repeating: " ", count: width - number.count)
                let line = "\(padding)\(number)  \(paint(TimeText.full(entry.at), .dim))  "
                return line + (entry.event.style.map { paint(words, $0) } ?? words)
            }
    }
}

extension HistoryEntry {
    /// As it is stored, with its number and time before it.
    var lineJSON: JSONValue {
        var object: JSONObject = ["sequence": .number(JSONNumber(Int64(sequence))), "at": .string(at.iso8601)]
        for (key, value) in json.object?.members ?? [] { object[key] = value }
        return .object(object)
    }
}

extension SagaEvent {
    /// What a person looking for trouble should see first.
    fileprivate var style: Terminal.Style? {
        switch self {
        case .stuck: .red
        case .failed, .unsettled, .backedOff, .rollbackStarted, .abandoned: .yellow
        case .completed: .green
        case .requested, .paused, .resumed, .cancelRequested, .resolved, .retried, .decisionPending,
            .decisionLapsed:
            .cyan
        case .started, .sent, .rearmed, .succeeded, .proceeded, .noted, .compensated: nil
        }
    }
}
