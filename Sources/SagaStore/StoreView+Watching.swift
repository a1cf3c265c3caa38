import DurableSQLite
import GRDB
import SagaCore

/// What one input has added to a saga's history.
package struct HistoryLine: Sendable {
    /// Grows through all histories.
    package let row: Int64
    package let saga: SagaID
    package let definition: SagaDefinition
    package let at: Timestamp
    package let events: [SagaEvent]
}

// For those who watch a store being written.
extension StoreView {
    /// What has been added to histories after this row, in order.
    ///
    /// - Parameter definition: of a saga.
    package func history(
        after row: Int64, definition: (SagaID) throws -> SagaDefinition?
    ) throws -> [HistoryLine] {
        var lines: [HistoryLine] = []
        try db.eachRow("SELECT id, saga, at, events FROM history WHERE id > ? ORDER BY id", row) { row in
            let saga = SagaID(column: row.int64(1))
            guard let definition = try definition(saga),
                let events = try? JSONValue.parse(row.bytes(3), limits: .stored).array
            else { throw Refusal(code: .internal, path: "history", message: "the stored history is unreadable") }
            lines.append(
                HistoryLine(
                    row: row.int64(0), saga: saga, definition: definition, at: Timestamp(milliseconds: row.int64(2)),
                    events: try events.map { try SagaEvent(json: $0, definition: definition) }))
        }
        return lines
    }

    /// The number of the newest line. It falls when that line's saga is pruned.
    package func lastHistoryRow() throws -> Int64 {
        try db.firstRow("SELECT max(id) FROM history") { $0.int64(0) } ?? 0
    }

    /// Which messages the outbox holds, and which of them are commands.
    package func outboxCommands() throws -> [(row: Int64, command: CommandID?)] {
        var rows: [(row: Int64, command: CommandID?)] = []
        try db.eachRow("SELECT id, command FROM outbox ORDER BY id") {
            rows.append(($0.int64(0), $0.textIfAny(1).flatMap { CommandID($0) }))
        }
        return rows
    }

    /// The ids of all sagas, oldest first.
    package func sagaIDs() throws -> [SagaID] {
        var ids: [SagaID] = []
        try db.eachRow("SELECT id FROM sagas ORDER BY id") { ids.append(SagaID(column: $0.int64(0))) }
        return ids
    }
}
