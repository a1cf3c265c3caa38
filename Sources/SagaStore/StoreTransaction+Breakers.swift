import DurableSQLite
import GRDB
import SagaCore

/// A participant that does not answer: its commands are held back in the outbox, and it is probed with one at a time.
package struct StoredBreaker: Sendable, Hashable {
    package let participant: String
    /// When the first command it left unanswered was sent.
    package let silentSince: Timestamp
    package let openedAt: Timestamp
    /// Commands let out since then, none of them answered.
    package let probes: Int
    package let probedAt: Timestamp?
    package let nextProbeAt: Timestamp
    /// Set when it answers again: how many commands may be out at a time.
    package let window: Int?

    package init(
        participant: String, silentSince: Timestamp, openedAt: Timestamp, probes: Int, probedAt: Timestamp?,
        nextProbeAt: Timestamp, window: Int?
    ) {
        self.participant = participant
        self.silentSince = silentSince
        self.openedAt = openedAt
        self.probes = probes
        self.probedAt = probedAt
        self.nextProbeAt = nextProbeAt
        self.window = window
    }
}

extension StoreView {
    /// By the participants' names.
    package func breakers() throws -> [StoredBreaker] {
        try Row.fetchAll(db, cachedSQL: "SELECT * FROM breakers ORDER BY participant").map { row in
            StoredBreaker(
                participant: row["participant"], silentSince: Timestamp(milliseconds: row["silent_since"]),
                openedAt: Timestamp(milliseconds: row["opened_at"]), probes: row["probes"],
                probedAt: (row["probed_at"] as Int64?).map { Timestamp(milliseconds: $0) },
                nextProbeAt: Timestamp(milliseconds: row["next_probe_at"]), window: row["window"])
        }
    }

    /// Commands of some sagas in the outbox whose participants do not answer, with those participants.
    package func heldCommands(of sagas: some Collection<SagaID>) throws -> [CommandID: String] {
        let marks = Array(repeating: "?", count: sagas.count).joined(separator: ", ")
        let rows = try Row.fetchAll(
            db,
            cachedSQL: """
                SELECT command, participant FROM outbox JOIN breakers ON participant = routing_key
                WHERE command IS NOT NULL AND saga IN (\(marks))
                """, arguments: StatementArguments(sagas.map(\.column)))
        var held: [CommandID: String] = [:]
        for row in rows {
            if let command = (row["command"] as String?).flatMap({ CommandID($0) }) {
                held[command] = row["participant"]
            }
        }
        return held
    }

    /// How many commands to a participant are in the outbox. Reads the whole outbox: for people, not for the engine.
    package func unpublishedCommands(to participant: String) throws -> Int {
        try Int.fetchOne(
            db, cachedSQL: "SELECT count(*) FROM outbox WHERE command IS NOT NULL AND routing_key = ?",
            arguments: [participant]) ?? 0
    }
}

extension StoreTransaction {
    package func save(_ breaker: StoredBreaker) throws {
        try run(
            """
            INSERT OR REPLACE INTO breakers
                (participant, silent_since, opened_at, probes, probed_at, next_probe_at, window)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                breaker.participant, breaker.silentSince.milliseconds, breaker.openedAt.milliseconds, breaker.probes,
                breaker.probedAt?.milliseconds, breaker.nextProbeAt.milliseconds, breaker.window,
            ])
    }

    package func removeBreaker(of participant: String) throws {
        try run("DELETE FROM breakers WHERE participant = ?", [participant])
    }
}
