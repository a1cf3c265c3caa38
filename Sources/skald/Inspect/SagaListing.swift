import SagaCore
import SagaStore

/// One page of sagas, newest first, and how many there are of each status.
struct SagaListing {
    let rows: [SagaSummary]
    /// Set where more sagas follow.
    let lastOfPage: SagaID?
    let counts: [SagaStatus: Int]
    /// Participants that do not answer, and the sagas of this page whose commands are held back for them.
    let silent: [SilentParticipant]
    /// Of the key that was asked for: sagas that have been pruned, newest first.
    let pruned: [PrunedSaga]
    private let heldFor: [SagaID: Set<String>]
    private let after: SagaID?

    init(_ filter: SagaFilter, in transaction: StoreView) throws {
        var wider = filter
        wider.limit += 1
        let found = try transaction.sagas(wider)
        rows = Array(found.prefix(filter.limit))
        lastOfPage = found.count > filter.limit ? rows.last?.id : nil
        counts = try transaction.countByStatus()
        pruned =
            try filter.key.map { try transaction.sagas(withKey: $0, definition: filter.definition) }?
            .compactMap { try transaction.pruned($0) } ?? []
        silent = try SilentParticipant.all(in: transaction)
        var heldFor: [SagaID: Set<String>] = [:]
        if !silent.isEmpty {
            for (command, participant) in try transaction.heldCommands(of: rows.map(\.id)) {
                heldFor[command.saga, default: []].insert(participant)
            }
        }
        self.heldFor = heldFor
        after = filter.before
    }

    func lines(now: Timestamp, paint: Paint, nextPage: (SagaID) -> String) -> [String] {
        guard !rows.isEmpty else {
            let older = after.map { "no saga older than \($0) matches" } ?? "no saga matches"
            return [counts.isEmpty && pruned.isEmpty ? "no sagas yet" : older, totals(paint)].filter { !$0.isEmpty }
                + silentLines(now: now, paint: paint) + prunedLines(paint)
        }
        var table = TextTable(header: ["ID", "DEFINITION", "KEY", "STATUS", "STEP", "STARTED", "ERROR"])
        for row in rows {
            table.add([
                row.id.description, "\(row.name) \(row.version)".escapedForTerminal, row.key.shown(upTo: 40),
                row.status.rawValue + (row.isPaused ? ", paused" : ""),
                row.steps.joined(separator: ", ").shown(upTo: 50),
                "\(TimeText.rough(now - row.startedAt)) ago", (row.errorCode ?? "").shown(upTo: 40),
            ])
        }
        var lines = table.lines(paint: paint) { line, column in
            guard column == 3, line > 0 else { return nil }
            return rows[line - 1].isPaused ? .cyan : rows[line - 1].status.style
        }
        lines.append("")
        lines.append(totals(paint))
        lines += silentLines(now: now, paint: paint) + prunedLines(paint)
        if let lastOfPage { lines.append("next page: \(nextPage(lastOfPage))") }
        return lines
    }

    private func silentLines(now: Timestamp, paint: Paint) -> [String] {
        silent.map { paint($0.line(now: now), .yellow) }
    }

    private func prunedLines(_ paint: Paint) -> [String] {
        pruned.map { paint("pruned: \($0.id), \($0.name), \($0.status.rawValue)".escapedForTerminal, .dim) }
    }

    /// A row as JSON, with the participants it waits for that do not answer.
    func json(_ row: SagaSummary) -> JSONValue {
        guard var object = row.json.object, let participants = heldFor[row.id] else { return row.json }
        object["heldFor"] = .array(participants.sorted().map { .string($0) })
        return .object(object)
    }

    private func totals(_ paint: Paint) -> String {
        SagaStatus.allCases.compactMap { status in
            counts[status].map { paint("\($0) \(status.rawValue)", status.style) }
        }.joined(separator: ", ")
    }
}

extension SagaStatus {
    var style: Terminal.Style {
        switch self {
        case .running: .cyan
        case .compensating: .yellow
        case .stuck: .red
        case .completed: .green
        case .compensated: .dim
        case .abandoned: .dim
        }
    }
}

extension SagaSummary {
    var json: JSONValue {
        var object: JSONObject = [
            "id": .string(id.description), "definition": .string(name), "version": .number(JSONNumber(Int64(version))),
            "key": .string(key), "status": .string(status.rawValue), "paused": .bool(isPaused),
            "steps": .array(steps.map { .string($0) }),
        ]
        object["rollback"] = rollback.map { .string($0) }
        object["errorCode"] = errorCode.map { .string($0) }
        object["errorMessage"] = errorMessage.map { .string($0) }
        object["sequence"] = .number(JSONNumber(Int64(sequence)))
        object["startedAt"] = .string(startedAt.iso8601)
        object["updatedAt"] = .string(updatedAt.iso8601)
        object["endedAt"] = endedAt.map { .string($0.iso8601) }
        return .object(object)
    }
}
