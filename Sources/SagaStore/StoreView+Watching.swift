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
        let statement = try db.cachedStatement(
            sql: "SELECT id, saga, at, events FROM history WHERE id > ? ORDER BY id")
        return try Row.fetchAll(statement, arguments: [row]).map { row in
            let saga = SagaID(column: row[1])
            guard let definition = try definition(saga),
                let events = try? JSONValue.parse(Array((row[3] as String).utf8), limits: .stored).array
            else { throw Refusal(code: .internal, path: "history", message: "the stored history is unreadable") }
            return HistoryLine(
                row: row[0], saga: saga, definition: definition, at: Timestamp(milliseconds: row[2]),
                events: try events.map { try SagaEvent(json: $0, definition: definition) })
        }
    }

    /// Which messages the outbox holds, and which of them are commands.
    package func outboxCommands() throws -> [(row: Int64, command: CommandID?)] {
        let statement = try db.cachedStatement(sql: "SELECT id, command FROM outbox")
        return try Row.fetchAll(statement).map { ($0[0], ($0[1] as String?).flatMap { CommandID($0) }) }
    }

    /// The ids of all sagas, oldest first.
    package func sagaIDs() throws -> [SagaID] {
        try Int64.fetchAll(db, cachedSQL: "SELECT id FROM sagas ORDER BY id").map { SagaID(column: $0) }
    }
}
