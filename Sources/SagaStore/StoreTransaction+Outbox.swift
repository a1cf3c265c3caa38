import DurableSQLite
import Foundation
import GRDB
import SagaCore

/// A message to be published, committed with what caused it.
package struct OutboxRow: Sendable, Hashable {
    package let id: Int64
    package let saga: SagaID?
    /// Set for commands, which are mandatory and replaced by a newer attempt while they have not left.
    package let command: CommandID?
    package let exchange: String
    package let routingKey: String
    package let isMandatory: Bool
    /// JSON.
    package let properties: [UInt8]
    package let body: [UInt8]

    package init(
        id: Int64, saga: SagaID?, command: CommandID?, exchange: String, routingKey: String, isMandatory: Bool,
        properties: [UInt8], body: [UInt8]
    ) {
        self.id = id
        self.saga = saga
        self.command = command
        self.exchange = exchange
        self.routingKey = routingKey
        self.isMandatory = isMandatory
        self.properties = properties
        self.body = body
    }
}

/// How many messages wait to be confirmed by the broker, and since when the first does.
package struct UnpublishedMessages: Sendable, Hashable {
    package let count: Int
    package let since: Timestamp?

    package init(count: Int, since: Timestamp?) {
        self.count = count
        self.since = since
    }
}

extension StoreView {
    /// What has not been confirmed, in the order it was committed, without the messages themselves.
    package func outboxIndex(_ body: (_ id: Int64, _ command: CommandID?, _ routingKey: String) -> Void) throws {
        try db.eachRow("SELECT id, command, routing_key FROM outbox ORDER BY id") {
            body($0.int64(0), $0.textIfAny(1).flatMap { CommandID($0) }, $0.text(2))
        }
    }

    /// What has not been confirmed, in the order it was committed, whole: for tests and people.
    package func outbox() throws -> [OutboxRow] {
        try Row.fetchAll(db, cachedSQL: "SELECT * FROM outbox ORDER BY id").map(Self.outboxRow)
    }

    /// One message, if it has not been confirmed.
    package func outboxRow(_ id: Int64) throws -> OutboxRow? {
        try Row.fetchOne(db, cachedSQL: "SELECT * FROM outbox WHERE id = ?", arguments: [id]).map(Self.outboxRow)
    }

    package func isInOutbox(_ id: Int64) throws -> Bool {
        try db.firstRow("SELECT 1 FROM outbox WHERE id = ?", id) { _ in true } ?? false
    }

    private static func outboxRow(_ row: Row) throws -> OutboxRow {
        let properties: String = row["properties"]
        // What is corrupt must not go out without its ids.
        _ = try JSONValue.stored(properties)
        return OutboxRow(
            id: row["id"], saga: (row["saga"] as Int64?).map { SagaID(column: $0) },
            command: (row["command"] as String?).flatMap { CommandID($0) }, exchange: row["exchange"],
            routingKey: row["routing_key"], isMandatory: row["is_mandatory"],
            properties: Array(properties.utf8), body: DataBytes.bytes(of: row, "body"))
    }

    /// What of one saga has not been confirmed. Reads the whole outbox: for people, not for the engine.
    package func unpublished(of saga: SagaID) throws -> UnpublishedMessages {
        let row = try Row.fetchOne(
            db, cachedSQL: "SELECT count(*) AS n, min(created_at) AS since FROM outbox WHERE saga = ?",
            arguments: [saga.column])
        return UnpublishedMessages(
            count: row?["n"] ?? 0, since: (row?["since"] as Int64?).map { Timestamp(milliseconds: $0) })
    }

    package func outboxCount() throws -> Int {
        try Int.fetchOne(db, cachedSQL: "SELECT count(*) FROM outbox") ?? 0
    }
}

extension StoreTransaction {
    package func insert(_ row: OutboxRow, at now: Timestamp) throws {
        let sql = """
            INSERT INTO outbox (id, saga, command, created_at, exchange, routing_key, is_mandatory, properties, body)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        try db.run(sql) {
            $0.bind(row.id)
            $0.bind(row.saga?.column)
            $0.bind(row.command?.description)
            $0.bind(now.milliseconds)
            $0.bind(row.exchange)
            $0.bind(row.routingKey)
            $0.bind(row.isMandatory)
            $0.bind(text: row.properties)
            $0.bind(blob: row.body)
        }
    }

    package func removeFromOutbox(_ ids: [Int64]) throws {
        for range in ids.sorted().consecutiveRanges {
            try db.run("DELETE FROM outbox WHERE id BETWEEN ? AND ?") {
                $0.bind(range.lowerBound)
                $0.bind(range.upperBound)
            }
        }
    }
}

extension JSONValue {
    /// Reads what was written here: it may be larger than a message, since a text may have been escaped.
    static func stored(_ text: String) throws(JSONError) -> JSONValue {
        try parse(Array(text.utf8), limits: .stored)
    }
}

/// Bytes as SQLite stores them, without Foundation's `Data` in the interface.
struct DataBytes: DatabaseValueConvertible {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var databaseValue: DatabaseValue { bytes.withUnsafeBytes { Data($0) }.databaseValue }

    static func fromDatabaseValue(_ value: DatabaseValue) -> DataBytes? {
        Data.fromDatabaseValue(value).map { DataBytes(Array($0)) }
    }

    static func bytes(of row: Row, _ column: String) -> [UInt8] {
        (row[column] as DataBytes?)?.bytes ?? []
    }
}

extension [Int64] {
    /// A sorted list as ranges without gaps.
    fileprivate var consecutiveRanges: [ClosedRange<Int64>] {
        var ranges: [ClosedRange<Int64>] = []
        for id in self {
            if let last = ranges.last, id <= last.upperBound + 1 {
                ranges[ranges.count - 1] = last.lowerBound...Swift.max(id, last.upperBound)
            } else {
                ranges.append(id...id)
            }
        }
        return ranges
    }
}
