import DurableSQLite
import GRDB
import SagaCore

/// What is kept of a saga whose row and history have been removed.
package struct PrunedSaga: Sendable, Hashable {
    package let id: SagaID
    package let name: String
    package let key: String
    /// Which it ended with.
    package let status: SagaStatus
    package let endedAt: Timestamp
}

/// What one transaction has pruned.
package struct PrunedPiece: Sendable, Hashable {
    package var sagas = 0
    /// Dead letters that were settled.
    package var deadLetters = 0
    /// Answers to requests that concerned no saga.
    package var answers = 0
    /// The walk over the sagas, oldest first, goes on behind this one; nil where it is at its end.
    package var after: SagaID?
    /// There may be more to prune.
    package var hasMore = false

    package init() {}
}

extension StoreView {
    /// What is kept of a saga that has been pruned; nil if it has not, or if there never was one.
    package func pruned(_ id: SagaID) throws -> PrunedSaga? {
        // A file of an earlier version that is only read has no such table.
        guard try db.tableExists("pruned") else { return nil }
        return try db.firstRow(Self.prunedSagas + " WHERE pruned.id = ?", id.column) { Self.prunedSaga($0) } ?? nil
    }

    /// Sagas that ended before a time, oldest first, and where the walk over the file goes on; nil at its end.
    ///
    /// Ids grow with time, so that no index by the time of the end is needed, which each end of a saga would pay for:
    /// young sagas are not looked at, and of old ones few are still there that have not ended.
    ///
    /// - Parameter limit: how many at most; four times as many sagas are looked at.
    package func sagas(
        endedBefore horizon: Timestamp, after: SagaID?, limit: Int
    ) throws -> (ended: [SagaID], next: SagaID?) {
        var ended: [SagaID] = []
        var (count, last) = (0, after)
        try db.eachRow(
            "SELECT id, ended_at < ? FROM sagas WHERE id > ? AND id < ? ORDER BY id LIMIT ?", horizon.milliseconds,
            after?.column ?? 0, SagaID.first(at: horizon).column, 4 * limit
        ) { row in
            guard ended.count < limit else { return }
            count += 1
            last = SagaID(column: row.int64(0))
            if row.int(1) == 1, let last { ended.append(last) }
        }
        return (ended, ended.count == limit || count == 4 * limit ? last : nil)
    }

    /// How many of these sagas there are of each status.
    package func countByStatus(of sagas: [SagaID]) throws -> [SagaStatus: Int] {
        var counts: [SagaStatus: Int] = [:]
        for saga in sagas {
            if let status = try status(of: saga) { counts[status, default: 0] += 1 }
        }
        return counts
    }

    /// How many dead letters were settled before a time, and how many answers given to requests that concern no saga.
    package func countOfRest(before horizon: Timestamp) throws -> (deadLetters: Int, answers: Int) {
        func count(_ sql: String) throws -> Int {
            try Int.fetchOne(db, cachedSQL: sql, arguments: [horizon.milliseconds]) ?? 0
        }
        return (
            try count("SELECT count(*) FROM dead_letters WHERE settled_at < ?"),
            try count("SELECT count(*) FROM request_answers WHERE at < ?")
        )
    }

    /// All that have been pruned, oldest first; for harnesses.
    package func prunedSagas() throws -> [PrunedSaga] {
        var sagas: [PrunedSaga] = []
        try db.eachRow(Self.prunedSagas + " ORDER BY pruned.id") { row in
            if let saga = Self.prunedSaga(row) { sagas.append(saga) }
        }
        return sagas
    }

    private static let prunedSagas = """
        SELECT pruned.id, keys.name, keys.key, pruned.status, pruned.ended_at
        FROM pruned JOIN keys ON keys.saga = pruned.id
        """

    private static func prunedSaga(_ row: borrowing StatementRow) -> PrunedSaga? {
        guard let status = SagaStatus(rawValue: row.text(3)) else { return nil }
        return PrunedSaga(
            id: SagaID(column: row.int64(0)), name: row.text(1), key: row.text(2), status: status,
            endedAt: Timestamp(milliseconds: row.int64(4)))
    }

    /// Pruned sagas that an operator had abandoned.
    package func prunedAbandoned() throws -> Set<SagaID> {
        guard try db.tableExists("pruned") else { return [] }
        let found = try Int64.fetchAll(db, cachedSQL: "SELECT id FROM pruned WHERE status = 'abandoned'")
        return Set(found.map { SagaID(column: $0) })
    }
}

extension StoreTransaction {
    /// Removes a piece of what was over before a time: sagas with their histories, settled dead letters, and answers to
    /// requests that concern no saga.
    ///
    /// Business keys stay (rule 22), and with them how each saga ended.
    ///
    /// - Parameters:
    ///   - limit: how many of each at most.
    ///   - isKept: whether a saga has to stay although it has ended.
    package func prune(
        endedBefore horizon: Timestamp, after: SagaID?, limit: Int, at now: Timestamp,
        keeping isKept: (SagaID) -> Bool = { _ in false }
    ) throws -> PrunedPiece {
        var piece = PrunedPiece()
        let (ended, next) = try sagas(endedBefore: horizon, after: after, limit: limit)
        for saga in ended where !isKept(saga) {
            try prune(saga)
            piece.sagas += 1
        }
        if piece.sagas > 0 { try setFact(StoreFact.prunedAt, to: "\(now.milliseconds)") }
        piece.after = next
        try db.run(
            """
            DELETE FROM dead_letters WHERE id IN
                (SELECT id FROM dead_letters WHERE settled_at < ? ORDER BY settled_at LIMIT ?)
            """, horizon.milliseconds, limit)
        piece.deadLetters = db.changesCount
        try db.run(
            """
            DELETE FROM request_answers WHERE id IN
                (SELECT id FROM request_answers WHERE at < ? ORDER BY at LIMIT ?)
            """, horizon.milliseconds, limit)
        piece.answers = db.changesCount
        piece.hasMore = next != nil || piece.deadLetters == limit || piece.answers == limit
        return piece
    }

    /// One that has not ended is refused by the schema.
    private func prune(_ saga: SagaID) throws {
        try db.run(
            """
            INSERT INTO pruned (id, status, ended_at, is_settled_by_operator)
            SELECT id, status, ended_at, EXISTS (
                SELECT 1 FROM history WHERE saga = sagas.id AND \(Self.holdsWordOfOperator))
            FROM sagas WHERE id = ?
            """, saga.column)
        try db.run("DELETE FROM history WHERE saga = ?", saga.column)
        try db.run("DELETE FROM sagas WHERE id = ?", saga.column)
    }
}
