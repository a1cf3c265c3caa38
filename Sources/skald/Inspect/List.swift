import ArgumentParser
import DurableSQLite
import SagaCore
import SagaStore

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List sagas, newest first.",
        discussion: """
            Every condition given must hold. A time is a duration (30s, 15m, 24h, 7d: that long ago) or a date and time \
            (2026-11-21, 2026-11-21T02:14, UTC unless it ends with +01:00 or the like).

            Examples:
              skald list --status stuck
              skald list --status open --older-than 15m
              skald list --definition place-order --error CARD_DECLINED --newer-than 24h
              skald list --step capture-payment --json
            """)

    enum Status: String, ExpressibleByArgument, CaseIterable {
        case open, running, compensating, stuck, completed, compensated, abandoned

        var statuses: [SagaStatus] {
            switch self {
            case .open: SagaStatus.allCases.filter { !$0.isTerminal }
            case .running: [.running]
            case .compensating: [.compensating]
            case .stuck: [.stuck]
            case .completed: [.completed]
            case .compensated: [.compensated]
            case .abandoned: [.abandoned]
            }
        }
    }

    @Option(help: "Only this status; repeat for several. open: not ended.") var status: [Status] = []
    @Option(help: ArgumentHelp("Only sagas of this definition.", valueName: "name")) var definition: String?
    @Option(help: ArgumentHelp("Started before this.", valueName: "time"), transform: parseMoment)
    var olderThan: Moment?
    @Option(help: ArgumentHelp("Started after this.", valueName: "time"), transform: parseMoment)
    var newerThan: Moment?
    @Option(help: ArgumentHelp("Only sagas where this step is out or stuck.", valueName: "name")) var step: String?
    @Option(help: ArgumentHelp("Only sagas whose last error has this code.", valueName: "code")) var error: String?
    @Option(help: ArgumentHelp("Only sagas with this business key.", valueName: "key")) var key: String?
    @Flag(help: "Only paused sagas.") var paused = false
    @Option(help: ArgumentHelp("How many at most (1 to 10000).", valueName: "count")) var limit = 50
    @Option(help: ArgumentHelp("Only sagas older than this one: the next page.", valueName: "id"), transform: sagaID)
    var after: SagaID?
    @OptionGroup var data: DataOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit must be 1 to 10000") }
        if let step, !Name.isValid(step) { throw ValidationError("--step wants the name of a step") }
        let now = Timestamp.wallClock
        if let older = olderThan?.timestamp(now: now), let newer = newerThan?.timestamp(now: now), older <= newer {
            throw ValidationError(
                """
                nothing is started before \(TimeText.full(older)) and after \(TimeText.full(newer)): \
                exchange --older-than and --newer-than
                """)
        }
        if let definition, !Name.isValid(definition) { throw ValidationError("--definition wants a saga's name") }
    }

    func run() throws {
        try reportingFailures {
            let now = Timestamp.wallClock
            let found = try data.readForList(asJSON: output.isJSON) { try SagaListing(filter(now: now), in: $0) }
            guard let listing = found else { return }
            let out = Terminal.standardOutput
            guard output.isJSON else {
                for line in listing.lines(now: now, paint: out.paint, nextPage: nextPage) { out.line(line) }
                return
            }
            for row in listing.rows { out.json(listing.json(row)) }
            for silent in listing.silent { Terminal.standardError.line(silent.line(now: now)) }
            if let last = listing.lastOfPage { Terminal.standardError.line("next page: \(nextPage(last))") }
        }
    }

    func filter(now: Timestamp) -> SagaFilter {
        var filter = SagaFilter()
        filter.statuses = status.flatMap(\.statuses)
        filter.isPaused = paused ? true : nil
        filter.definition = definition
        filter.startedBefore = olderThan?.timestamp(now: now)
        filter.startedAfter = newerThan?.timestamp(now: now)
        filter.step = step
        filter.errorCode = error
        filter.key = key
        filter.before = after
        filter.limit = limit
        return filter
    }

    /// This command again, for what comes after `last`.
    func nextPage(_ last: SagaID) -> String {
        var words = ["skald list"]
        func add(_ flag: String, _ value: String?) {
            if let value { words.append("\(flag) \(value.shellWord)") }
        }
        for status in status { add("--status", status.rawValue) }
        add("--definition", definition)
        add("--older-than", olderThan?.argument)
        add("--newer-than", newerThan?.argument)
        add("--step", step)
        add("--error", error)
        add("--key", key)
        if paused { words.append("--paused") }
        if limit != 50 { add("--limit", "\(limit)") }
        add("--after", last.description)
        return words.joined(separator: " ").escapedForTerminal + data.flagForCopying
    }
}

@Sendable private func parseMoment(_ text: String) throws -> Moment {
    guard let moment = Moment(text) else {
        throw ValidationError("wants a duration like 15m, or a date and time like 2026-11-21T02:14")
    }
    return moment
}

extension Moment {
    /// As it can be given again.
    fileprivate var argument: String {
        switch self {
        case .ago(let milliseconds): DurationText.text(milliseconds: milliseconds)
        case .at(let time): time.iso8601
        }
    }
}
