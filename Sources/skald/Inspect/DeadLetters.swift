import ArgumentParser
import DurableSQLite
import SagaCore
import SagaStore

struct DeadLetters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Messages that could not be handled, with the reason.",
        discussion: """
            Nothing came of them; the other messages went on. Look at one, take its cause away, then have it sent again \
            (replay) or close it (discard). Both are kept with your name and reason.

            Examples:
              skald dead-letters
              skald dead-letters show 7
              skald dead-letters replay 7 8 --reason "payment runs again, ticket 812"
              skald dead-letters discard 9 --reason "a test message"
            """,
        subcommands: [
            ListDeadLetters.self, ShowDeadLetter.self, ReplayDeadLetters.self, DiscardDeadLetters.self,
        ],
        defaultSubcommand: ListDeadLetters.self)
}

struct ListDeadLetters: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List them, newest first.",
        discussion: """
            Those an operator has replayed or discarded are left out unless --all is given.

            Examples:
              skald dead-letters list --all
              skald dead-letters list --json | jq -r .reason | sort | uniq -c
            """)

    @Flag(help: "Also those that were replayed or discarded.") var all = false
    @Option(help: ArgumentHelp("How many at most (1 to 10000).", valueName: "count")) var limit = 50
    @Option(help: ArgumentHelp("Only those older than this one: the next page.", valueName: "number")) var after: Int64?
    @OptionGroup var data: DataOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit must be 1 to 10000") }
        if let after, after < 1 { throw ValidationError("--after wants the number of a dead letter, 1 or more") }
    }

    func run() throws {
        try reportingFailures {
            let letters = try data.readForList(asJSON: output.isJSON) {
                try $0.deadLetters(includingSettled: all, limit: limit + 1, before: after)
            }
            guard let found = letters else { return }
            let page = Array(found.prefix(limit))
            let next = found.count > limit ? page.last.map { nextPage($0.id) } : nil
            let out = Terminal.standardOutput
            if output.isJSON {
                for letter in page { out.json(letter.json) }
                if let next { Terminal.standardError.line("next page: \(next)") }
                return
            }
            for line in DeadLetterText.list(page, now: .wallClock, flags: data.flagForCopying) { out.line(line) }
            if let next { out.line("next page: \(next)") }
        }
    }

    private func nextPage(_ last: Int64) -> String {
        "skald dead-letters list\(all ? " --all" : "")\(limit == 50 ? "" : " --limit \(limit)") --after \(last)"
            + data.flagForCopying
    }
}

struct ShowDeadLetter: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one whole, and what would come of replaying it.",
        discussion: """
            Safe means that nothing can take effect twice or against what its saga has decided. It does not mean that \
            it helps: the cause must be gone first.

            Examples:
              skald dead-letters show 7
              skald dead-letters show 7 --json | jq .replay
            """)

    @Argument(help: ArgumentHelp("Its number in the list.", valueName: "number")) var number: Int64
    @OptionGroup var data: DataOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reportingFailures {
            let found = try data.read { try DeadLetterRecord.find([number], in: $0, at: .wallClock) }
            guard let record = found.first else { return }
            let out = Terminal.standardOutput
            if output.isJSON { return out.prettyJSON(record.letter.json(record.outlook)) }
            let lines = DeadLetterText.whole(
                record.letter, record.outlook, flags: data.flagForCopying, paint: out.paint)
            for line in lines { out.line(line) }
        }
    }
}

/// A dead letter, and what would come of replaying it.
struct DeadLetterRecord {
    let letter: StoredDeadLetter
    let outlook: ReplayOutlook

    /// All of them, each once, or none.
    static func find(
        _ numbers: [Int64], in transaction: StoreView, at now: Timestamp
    ) throws -> [DeadLetterRecord] {
        var seen: Set<Int64> = []
        let wanted = numbers.filter { seen.insert($0).inserted }
        let letters = try wanted.compactMap { try transaction.deadLetter($0) }
        let missing = wanted.filter { number in !letters.contains { $0.id == number } }
        guard missing.isEmpty else {
            let list = missing.map(String.init).joined(separator: ", ")
            throw CommandFailure(
                .noInput, "no dead letter \(list); skald dead-letters list --all shows those there are")
        }
        return try letters.map {
            DeadLetterRecord(letter: $0, outlook: try ReplayOutlook(of: $0, in: transaction, at: now))
        }
    }
}
