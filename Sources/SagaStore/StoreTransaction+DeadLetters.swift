import DurableSQLite
import GRDB
import SagaCore

/// A message that could not be handled, kept until an operator replays or discards it.
package struct StoredDeadLetter: Sendable, Hashable {
    package let id: Int64
    package let at: Timestamp
    package let reason: String
    package let detail: String
    package let saga: SagaID?
    package let exchange: String
    package let routingKey: String
    package let properties: JSONValue
    package let body: [UInt8]
    /// Set once an operator has replayed or discarded it.
    package let settlement: Settlement?

    package struct Settlement: Sendable, Hashable {
        /// `replayed` or `discarded`.
        package let outcome: String
        package let at: Timestamp
        package let author: String?
        package let reason: String?

        package init(_ outcome: String, at: Timestamp, author: String?, reason: String?) {
            self.outcome = outcome
            self.at = at
            self.author = author
            self.reason = reason
        }
    }
}

extension StoreView {
    /// Newest first.
    package func deadLetters(includingSettled: Bool, limit: Int, before: Int64? = nil) throws -> [StoredDeadLetter] {
        try Row.fetchAll(
            db,
            cachedSQL: """
                SELECT * FROM dead_letters
                WHERE (settled_at IS NULL OR ?) AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?
                """, arguments: [includingSettled, before, before, limit]
        ).map(Self.deadLetter)
    }

    package func deadLetter(_ id: Int64) throws -> StoredDeadLetter? {
        try Row.fetchOne(db, cachedSQL: "SELECT * FROM dead_letters WHERE id = ?", arguments: [id]).map(Self.deadLetter)
    }

    private static func deadLetter(_ row: Row) throws -> StoredDeadLetter {
        var settlement: StoredDeadLetter.Settlement?
        if let outcome = row["settled_as"] as String?, let at = row["settled_at"] as Int64? {
            // Author and reason are missing in a file of the first version that is only read.
            settlement = StoredDeadLetter.Settlement(
                outcome, at: Timestamp(milliseconds: at), author: row["settled_by"], reason: row["settled_reason"])
        }
        return StoredDeadLetter(
            id: row["id"], at: Timestamp(milliseconds: row["at"]), reason: row["reason"], detail: row["detail"],
            saga: (row["saga"] as Int64?).map { SagaID(column: $0) }, exchange: row["exchange"],
            routingKey: row["routing_key"], properties: try JSONValue.stored(row["properties"]),
            body: DataBytes.bytes(of: row, "body"), settlement: settlement)
    }

    // MARK: Requests that concern no saga

    package func answer(toRequest id: String) throws -> JSONValue? {
        try String.fetchOne(db, cachedSQL: "SELECT answer FROM request_answers WHERE id = ?", arguments: [id]).map {
            try JSONValue.stored($0)
        }
    }
}

extension StoreTransaction {
    package func addDeadLetter(
        at now: Timestamp, reason: String, detail: String, saga: SagaID?, exchange: String, routingKey: String,
        properties: [UInt8], body: [UInt8]
    ) throws {
        let sql = """
            INSERT INTO dead_letters (at, reason, detail, saga, exchange, routing_key, properties, body)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """
        try db.run(sql) {
            $0.bind(now.milliseconds)
            $0.bind(reason)
            $0.bind(detail)
            $0.bind(saga?.column)
            $0.bind(exchange)
            $0.bind(routingKey)
            $0.bind(text: properties)
            $0.bind(blob: body)
        }
    }

    package func settle(_ id: Int64, _ settlement: StoredDeadLetter.Settlement) throws {
        try run(
            """
            UPDATE dead_letters SET settled_at = ?, settled_as = ?, settled_by = ?, settled_reason = ?
            WHERE id = ? AND settled_at IS NULL
            """,
            [settlement.at.milliseconds, settlement.outcome, settlement.author, settlement.reason, id])
    }

    package func keepAnswer(_ answer: JSONValue, toRequest id: String, at now: Timestamp) throws {
        try run("INSERT INTO request_answers (id, at, answer) VALUES (?, ?, ?)", [id, now.milliseconds, answer.text])
    }

    // MARK: Suspects (rule 26)

    /// Notes that a message is about to be handled alone, and says how often the worker has died over it.
    package func suspect(_ fingerprint: String) throws -> Int {
        let crashes =
            try Int.fetchOne(
                db, cachedSQL: "SELECT crashes FROM suspects WHERE fingerprint = ?", arguments: [fingerprint])
            ?? 0
        try run(
            """
            INSERT INTO suspects (fingerprint, crashes) VALUES (?, 1)
            ON CONFLICT (fingerprint) DO UPDATE SET crashes = crashes + 1
            """, [fingerprint])
        return crashes
    }

    package func clearSuspect(_ fingerprint: String) throws {
        try run("DELETE FROM suspects WHERE fingerprint = ?", [fingerprint])
    }
}
