import ArgumentParser
import DurableSQLite
import SagaCore
import SagaStore

/// `replay` and `discard`, which are requests to the worker, are in the operator's commands.
struct DeadLetters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Messages that could not be handled, with the reason.",
        discussion: """
            Examples:
              skald dead-letters
              skald dead-letters show 7
            """,
        subcommands: [ListDeadLetters.self, ShowDeadLetter.self],
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
        abstract: "Show one whole.",
        discussion: """
            Example:
              skald dead-letters show 7
            """)

    @Argument(help: ArgumentHelp("Its number in the list.", valueName: "number")) var number: Int64
    @OptionGroup var data: DataOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reportingFailures {
            guard let letter = try data.read({ try $0.deadLetter(number) }) else {
                throw CommandFailure(.noInput, "no dead letter \(number); see skald dead-letters --all")
            }
            let out = Terminal.standardOutput
            if output.isJSON { return out.prettyJSON(letter.json) }
            for line in DeadLetterText.whole(letter, paint: out.paint) { out.line(line) }
        }
    }
}
