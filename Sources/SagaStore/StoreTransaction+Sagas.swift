import DurableSQLite
import GRDB
import SagaCore

/// Who has a business key.
package struct KeyOwner: Sendable, Hashable {
    package let saga: SagaID
    /// SHA-256 of the canonical input.
    package let inputHash: String
    /// The saga this one was started again for.
    package let again: SagaID?

    package init(saga: SagaID, inputHash: String, again: SagaID?) {
        self.saga = saga
        self.inputHash = inputHash
        self.again = again
    }
}

extension StoreView {
    // MARK: Keys

    // Of the sagas of a key each was started again for the one before, so that their order is that of `again`, which is
    // the order of the index.

    /// The latest saga with this business key.
    package func owner(ofKey key: String, name: String) throws -> KeyOwner? {
        try db.firstRow(
            "SELECT saga, input_hash, again FROM keys WHERE key = ? AND name = ? ORDER BY again DESC LIMIT 1", key,
            name,
            body: Self.keyOwner)
    }

    /// The latest saga with this business key and this input.
    package func owner(ofKey key: String, name: String, inputHash: String) throws -> KeyOwner? {
        try db.firstRow(
            "SELECT saga, input_hash, again FROM keys WHERE key = ? AND name = ? AND input_hash = ? ORDER BY again DESC "
                + "LIMIT 1", key, name, inputHash, body: Self.keyOwner)
    }

    private static func keyOwner(_ row: borrowing StatementRow) -> KeyOwner {
        let again = row.int64(2)
        return KeyOwner(
            saga: SagaID(column: row.int64(0)), inputHash: row.text(1), again: again == 0 ? nil : SagaID(column: again))
    }

    /// The saga with this business key that was started again for `saga`.
    package func successor(of saga: SagaID, key: String, name: String) throws -> KeyOwner? {
        try db.firstRow(
            "SELECT saga, input_hash FROM keys WHERE key = ? AND name = ? AND again = ?", key, name, saga.column
        ) { KeyOwner(saga: SagaID(column: $0.int64(0)), inputHash: $0.text(1), again: saga) }
    }

    // MARK: Sagas and their histories

    /// A saga as its history gives it.
    ///
    /// - Throws: `INTERNAL` if its definition or history cannot be read.
    package func state(of id: SagaID) throws -> SagaState? {
        try state(of: id) { try definition(hash: $0) }
    }

    /// - Parameter read: gives a definition by its hash; for a caller who keeps those it has read.
    package func state(
        of id: SagaID, definition read: (_ hash: String) throws -> SagaDefinition?
    ) throws -> SagaState? {
        guard let hash = try definitionHash(of: id), let definition = try read(hash) else { return nil }
        return SagaState(
            id: id, definition: definition,
            folding: try history(of: id, definition: definition).map { ($0.event, $0.at) })
    }

    package func definition(of id: SagaID) throws -> SagaDefinition? {
        try definitionHash(of: id).flatMap { try definition(hash: $0) }
    }

    /// As the index has it: cheaper than the whole state.
    package func status(of id: SagaID) throws -> SagaStatus? {
        guard let status = try db.firstRow("SELECT status FROM sagas WHERE id = ?", id.column, body: { $0.text(0) })
        else { return nil }
        guard let known = SagaStatus(rawValue: status) else { throw Refusal.unknownStatus }
        return known
    }

    package func definitionHash(of id: SagaID) throws -> String? {
        try db.firstRow("SELECT definition FROM sagas WHERE id = ?", id.column) { $0.text(0) }
    }

    /// A saga's events, oldest first.
    package func history(of id: SagaID, definition: SagaDefinition) throws -> [HistoryEntry] {
        var entries: [HistoryEntry] = []
        for row in try rawHistory(of: id) {
            for (offset, json) in row.events.enumerated() {
                entries.append(
                    HistoryEntry(
                        sequence: row.firstSequence + offset, at: row.at,
                        event: try SagaEvent(json: json, definition: definition), json: json))
            }
        }
        return entries
    }

    private func rawHistory(
        of id: SagaID
    ) throws -> [(firstSequence: Int, at: Timestamp, events: [JSONValue])] {
        var rows: [(firstSequence: Int, at: Timestamp, events: [JSONValue])] = []
        try db.eachRow(
            "SELECT first_sequence, at, format, events FROM history WHERE saga = ? ORDER BY first_sequence", id.column
        ) { row in
            guard row.int(2) == SagaEvent.formatVersion,
                let events = try? JSONValue.parse(row.bytes(3), limits: .stored).array
            else {
                throw Refusal(code: .internal, path: "history", message: "the stored history is unreadable")
            }
            rows.append((row.int(0), Timestamp(milliseconds: row.int64(1)), events))
        }
        return rows
    }

    /// Open sagas whose time has come, earliest first.
    package func due(at now: Timestamp, limit: Int) throws -> [SagaID] {
        var due: [SagaID] = []
        try db.eachRow("SELECT id FROM sagas WHERE wake_at <= ? ORDER BY wake_at LIMIT ?", now.milliseconds, limit) {
            due.append(SagaID(column: $0.int64(0)))
        }
        return due
    }

    package func nextWake() throws -> Timestamp? {
        try db.firstRow("SELECT wake_at FROM sagas WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1") {
            Timestamp(milliseconds: $0.int64(0))
        }
    }
}

extension StoreTransaction {
    // MARK: Keys

    package func claimKey(_ key: String, name: String, for owner: KeyOwner) throws {
        try db.run(
            "INSERT INTO keys (key, name, again, saga, input_hash) VALUES (?, ?, ?, ?, ?)", key, name,
            owner.again?.column ?? 0, owner.saga.column, owner.inputHash)
    }

    // MARK: Sagas and their histories

    /// Adds a saga's first index row; its history follows with ``append(_:of:at:)``.
    package func insert(_ state: SagaState) throws {
        let sql = """
            INSERT INTO sagas (steps, sequence, updated_at, wake_at, status, is_paused, rollback, error_code,
                error_message, started_at, ended_at, definition, name, version, key, id)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        try db.run(sql) {
            bindProgress(of: state, &$0)
            bindRest(of: state, &$0)
            $0.bind(state.definition.contentHash)
            $0.bind(state.definition.name)
            $0.bind(state.definition.version)
            $0.bind(state.key)
            $0.bind(state.id.column)
        }
    }

    /// - Parameter before: what the row holds now, where that is at hand: then what seldom changes is left alone.
    package func update(_ state: SagaState, from before: SagaState? = nil) throws {
        if let before, before.hasSameRest(as: state) {
            try db.run("UPDATE sagas SET steps = ?, sequence = ?, updated_at = ?, wake_at = ? WHERE id = ?") {
                bindProgress(of: state, &$0)
                $0.bind(state.id.column)
            }
            return
        }
        let sql = """
            UPDATE sagas SET steps = ?, sequence = ?, updated_at = ?, wake_at = ?, status = ?, is_paused = ?,
                rollback = ?, error_code = ?, error_message = ?, started_at = ?, ended_at = ?
            WHERE id = ?
            """
        try db.run(sql) {
            bindProgress(of: state, &$0)
            bindRest(of: state, &$0)
            $0.bind(state.id.column)
        }
    }

    /// What every input changes.
    private func bindProgress(of state: SagaState, _ binder: inout StatementBinder) {
        binder.bind(state.currentSteps.map { state.definition.steps[$0].name }.joined(separator: ","))
        binder.bind(state.sequence)
        binder.bind(state.updatedAt.milliseconds)
        binder.bind(state.wakeAt?.milliseconds)
    }

    private func bindRest(of state: SagaState, _ binder: inout StatementBinder) {
        let error = state.lastError
        binder.bind(state.status.rawValue)
        binder.bind(state.isPaused)
        binder.bind(state.rollback?.reason.rawValue)
        binder.bind(error?.code)
        binder.bind(error?.message)
        binder.bind(state.startedAt.milliseconds)
        binder.bind(state.endedAt?.milliseconds)
    }

    /// Appends what one input caused to the saga's history. `state` is the state after it.
    package func append(_ events: [SagaEvent], of state: SagaState, at now: Timestamp) throws {
        let first = state.sequence - events.count + 1
        try db.run("INSERT INTO history (saga, first_sequence, at, format, events) VALUES (?, ?, ?, ?, ?)") {
            $0.bind(state.id.column)
            $0.bind(first)
            $0.bind(now.milliseconds)
            $0.bind(SagaEvent.formatVersion)
            $0.bind(text: SagaEvent.encoded(events, state.definition))
        }
    }

    /// Marks a saga whose definition or history cannot be read; its history stays as it is (F25).
    package func markUnreadable(_ id: SagaID, _ error: StepError) throws {
        try run(
            """
            UPDATE sagas SET status = 'stuck', error_code = ?, error_message = ?, wake_at = NULL
            WHERE id = ? AND ended_at IS NULL
            """, [error.code, error.message, id.column])
    }
}

extension SagaState {
    /// Whether all columns of the index row are the same but those of its progress.
    fileprivate func hasSameRest(as other: SagaState) -> Bool {
        status == other.status && isPaused == other.isPaused && rollback?.reason == other.rollback?.reason
            && lastError == other.lastError && startedAt == other.startedAt && endedAt == other.endedAt
    }
}

/// One event of a saga's history.
package struct HistoryEntry: Sendable, Hashable {
    package let sequence: Int
    package let at: Timestamp
    package let event: SagaEvent
    /// As it is stored.
    package let json: JSONValue
}

extension StoreView {
    /// Open sagas that something will happen to by itself: a reply or a timer is awaited and no operator is needed.
    package func movingSagas() throws -> [SagaID] {
        try Int64.fetchAll(db, cachedSQL: "SELECT id FROM sagas WHERE wake_at IS NOT NULL AND status <> 'stuck'").map {
            SagaID(column: $0)
        }
    }
}
