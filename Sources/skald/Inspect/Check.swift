import ArgumentParser
import DurableSQLite
import SagaCore
import SagaStore

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the database: every saga's index row against its history.",
        discussion: """
            Reads beside a running worker. --integrity lets SQLite check the whole file as well, which takes longer. \
            --books checks money and stock in the files of inventory, payment and ledger, where they are in the same \
            directory: each service by itself, and, when no saga is under way, all three saga by saga. Ends with 1 if \
            anything is wrong.

            Examples:
              skald check
              skald check --integrity --json
              skald check --books
            """)

    @Flag(help: "Let SQLite check the whole file too (integrity_check).") var integrity = false
    @Flag(help: "Check the order services' money and stock too.") var books = false
    @OptionGroup var data: DataOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reportingFailures {
            let reader = try data.reader()
            var problems = integrity ? try reader.read { try $0.integrityProblems() } : []
            let total = try reader.read { try $0.countByStatus() }.values.reduce(0, +)
            var progress = ProgressBar("checking", of: total)
            var checked = 0
            problems += try IndexCheck.run(reader) { count in
                checked = count
                progress.show(count)
            }
            progress.clear()
            let books = books ? try BooksCheck(directory: data.directory, reader: reader) : nil
            report(problems, checked, books)
            if !problems.isEmpty || books?.problems.isEmpty == false {
                throw ExitCode(CommandFailure.Kind.refused.rawValue)
            }
        }
    }

    private func report(_ problems: [String], _ checked: Int, _ books: BooksCheck?) {
        let out = Terminal.standardOutput
        if output.isJSON {
            var json: JSONObject = [
                "sagas": .number(JSONNumber(Int64(checked))), "integrity": .bool(integrity),
                "problems": .array(problems.map { .string($0) }),
            ]
            if let books {
                json["books"] = .object(books.audit.json)
                json["atRest"] = .bool(books.isAtRest)
                json["leftOut"] = .array(books.exceptions.sorted().map { .string($0.description) })
            }
            return out.json(.object(json))
        }
        for problem in problems { out.line(out.style("WRONG ", .red) + problem.escapedForTerminal) }
        let what = "\(checked) sagas read\(integrity ? ", and the file by SQLite" : "")"
        let count = problems.count == 1 ? "1 problem" : "\(problems.count) problems"
        out.line("\(what): \(problems.isEmpty ? out.style("every check holds", .green) : count)")
        guard let books else { return }
        books.audit.show(on: out, whole: books.isAtRest)
        guard !books.exceptions.isEmpty else { return }
        let few = books.exceptions.sorted().prefix(5).map(\.description).joined(separator: " ")
        out.line(
            "  left out, since stuck, abandoned or settled by an operator's word: \(books.exceptions.count) "
                + "(\(few)\(books.exceptions.count > 5 ? " …" : ""))")
    }
}

/// The index is what the histories give (<doc:0001-a-pure-machine-with-a-history>).
enum IndexCheck {
    /// A page a transaction, so that a worker's checkpoints are not held up.
    private static let pageSize = 200

    /// What is wrong, newest saga first. Calls `onProgress` with how many sagas have been read.
    static func run(_ reader: SagaStoreReader, onProgress: (Int) -> Void) throws -> [String] {
        var problems: [String] = []
        var filter = SagaFilter()
        filter.limit = pageSize
        var read = 0
        while true {
            let rows = try reader.read { transaction in
                let rows = try transaction.sagas(filter)
                for row in rows { problems += try differences(row, in: transaction) }
                return rows
            }
            guard let last = rows.last else { return problems }
            filter.before = last.id
            read += rows.count
            onProgress(read)
        }
    }

    static func differences(_ row: SagaSummary, in transaction: StoreView) throws -> [String] {
        let state: SagaState?
        do {
            state = try transaction.state(of: row.id)
        } catch let refusal as Refusal {
            return ["\(row.id): \(refusal)"]
        }
        guard let state else { return ["\(row.id): its definition is missing"] }
        let error = state.lastError
        let fields: [(name: String, row: String, history: String)] = [
            ("definition", "\(row.name) \(row.version)", "\(state.definition.name) \(state.definition.version)"),
            ("key", row.key, state.key),
            ("status", row.status.rawValue, state.status.rawValue),
            ("paused", "\(row.isPaused)", "\(state.isPaused)"),
            (
                "steps", row.steps.joined(separator: ","),
                state.currentSteps.map { state.definition.steps[$0].name }.joined(separator: ",")
            ),
            ("rollback", row.rollback ?? "", state.rollback?.reason.rawValue ?? ""),
            ("error", row.errorCode ?? "", error?.code ?? ""),
            ("sequence", "\(row.sequence)", "\(state.sequence)"),
            ("started", row.startedAt.iso8601, state.startedAt.iso8601),
            ("updated", row.updatedAt.iso8601, state.updatedAt.iso8601),
            ("ended", row.endedAt?.iso8601 ?? "", state.endedAt?.iso8601 ?? ""),
        ]
        return fields.filter { $0.row != $0.history }.map {
            "\(row.id): \($0.name) is \"\($0.row)\" in the index and \"\($0.history)\" by its history"
        }
    }
}
