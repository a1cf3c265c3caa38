import ArgumentParser
import DurableSQLite
import SagaBus
import SagaCore
import SagaStore

struct Prune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Remove sagas that ended long ago, with their histories.",
        discussion: """
            Sagas that are completed, compensated or abandoned for longer than this go, with settled dead letters of \
            that age. A saga that has not ended stays, however old. Of each saga that goes, business key, id and the \
            status it ended with stay for ever, so that starting it again still finds it.

            A running worker removes them bit by bit between its other work; skald worker --prune-after does so by \
            itself. The file does not get smaller: its room is used again.

            Examples:
              skald prune --older-than 90d --dry-run
              skald prune --older-than 90d
            """)

    @Option(
        help: ArgumentHelp("Ended longer ago than this, at least 30d.", valueName: "duration"),
        transform: ageForPruning)
    var olderThan: Int64
    @Flag(help: "Only say how much would go.") var dryRun = false
    @OptionGroup var data: DataOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var definitions: DefinitionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await reportingFailures {
            let found = try PruningForecast(data.reader(), endedBefore: .wallClock.adding(milliseconds: -olderThan))
            if dryRun { return report(found.whole, "would go", found.statuses) }
            let session = OperatorSession(data: data, broker: broker, definitions: definitions, output: output)
            let age = DurationText.text(milliseconds: olderThan)
            let expected = found.whole.sagas
            let removed = try await session.converse { ask in
                try Self.removeAll(olderThan: age, expecting: expected, ask)
            }
            report(removed, "removed", [:])
        }
    }

    /// Asks for one piece after another.
    static func removeAll(
        olderThan age: String, expecting expected: Int, _ ask: (OperatorMessage) throws -> Answer
    ) throws -> PrunedPiece {
        var progress = ProgressBar("removing", of: expected)
        defer { progress.clear() }
        var total = PrunedPiece()
        var body: JSONObject = ["olderThan": .string(age)]
        while true {
            let answer = try ask(
                OperatorSession.request(OperatorMessage.pruneVerb, body, id: OperatorSession.newRequestID))
            guard answer.kind == .applied else {
                throw CommandFailure(.refused, answer.refusalText.escapedForTerminal)
            }
            func count(_ name: String) -> Int { Int(answer.body[name]?.int64 ?? 0) }
            total.sagas += count("sagas")
            total.deadLetters += count("deadLetters")
            total.answers += count("answers")
            progress.show(total.sagas)
            guard answer.body["more"]?.bool == true else { return total }
            body["after"] = answer.body["after"]
        }
    }

    private func report(_ piece: PrunedPiece, _ what: String, _ statuses: [SagaStatus: Int]) {
        let out = Terminal.standardOutput
        guard output.isJSON else {
            for line in Self.lines(piece, what, statuses) { out.line(line) }
            return
        }
        var json: JSONObject = [
            "dryRun": .bool(dryRun), "sagas": .number(JSONNumber(Int64(piece.sagas))),
            "deadLetters": .number(JSONNumber(Int64(piece.deadLetters))),
            "answers": .number(JSONNumber(Int64(piece.answers))),
        ]
        for (status, count) in statuses { json[status.rawValue] = .number(JSONNumber(Int64(count))) }
        out.json(.object(json))
    }

    static func lines(_ piece: PrunedPiece, _ what: String, _ statuses: [SagaStatus: Int]) -> [String] {
        let kinds = SagaStatus.allCases.compactMap { status in statuses[status].map { "\($0) \(status.rawValue)" } }
        let sagas = piece.sagas == 1 ? "1 saga" : "\(piece.sagas) sagas"
        let letters = piece.deadLetters == 1 ? "1 settled dead letter" : "\(piece.deadLetters) settled dead letters"
        let line = "\(what): \(sagas)\(kinds.isEmpty ? "" : " (\(kinds.joined(separator: ", ")))"), \(letters)"
        guard piece.sagas + piece.deadLetters > 0 else { return [line] }
        return [line, "Keys, ids and final statuses stay. The file keeps its size; the room is used again."]
    }
}

/// What there is to remove, read beside whoever writes the file.
struct PruningForecast {
    private(set) var whole = PrunedPiece()
    private(set) var statuses: [SagaStatus: Int] = [:]

    /// A page a transaction, so that a worker's checkpoints are not held up.
    private static let pageSize = 1000

    init(_ reader: SagaStoreReader, endedBefore horizon: Timestamp) throws {
        (whole.deadLetters, whole.answers) = try reader.read { try $0.countOfRest(before: horizon) }
        var after: SagaID?
        repeat {
            let last = after
            let (counts, next) = try reader.read { view in
                let (ended, next) = try view.sagas(endedBefore: horizon, after: last, limit: Self.pageSize)
                return (try view.countByStatus(of: ended), next)
            }
            for (status, count) in counts {
                statuses[status, default: 0] += count
                whole.sagas += count
            }
            after = next
        } while after != nil
    }
}

/// An age from the command line, in milliseconds, after which a saga that has ended may go.
@Sendable func ageForPruning(_ text: String) throws -> Int64 {
    guard let age = DurationText.parse(text), age >= Retention.shortestMilliseconds else {
        throw ValidationError(
            """
            wants a duration of at least 30d, such as 90d: until then something of a saga may still be on its way
            """)
    }
    return age
}
