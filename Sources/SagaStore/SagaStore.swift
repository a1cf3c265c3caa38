import DurableSQLite
import GRDB
import SagaCore

/// The orchestrator's SQLite file: histories, their index, outbox, dead letters, definitions.
///
/// One connection in one process writes it. All work happens in ``write(_:)``, one transaction a batch, on the
/// caller's thread.
package final class SagaStore: Sendable {
    private let database: DurableDatabase

    /// Opens the file, creating it where it does not exist.
    ///
    /// - Throws: `UnusableDatabase`, which says what to do.
    package init(path: String, busyTimeout: Duration = .seconds(5)) throws {
        database = try DurableDatabase(
            path: path, program: "skald", migrator: Schema.migrator, busyTimeout: busyTimeout)
    }

    /// A store that lives as long as this value, for tests and simulations.
    package init() throws {
        database = try DurableDatabase(inMemory: Schema.migrator)
    }

    /// The connection itself; for harnesses.
    package var queue: DatabaseQueue { database.queue }

    /// Which process this is that has the file: pid, host, since when. Nil in memory.
    package var owner: String? { database.owner }

    /// Opens the file anew after an error, still holding its lock (rule 25).
    package func reopen() throws { try database.reopen() }

    /// Runs one transaction; what it throws rolls everything back.
    package func write<Result>(_ body: (StoreTransaction) throws -> Result) throws -> Result {
        try database.queue.transaction { try body(StoreTransaction(db: $0)) }
    }

    /// Reads over the writing connection, which nobody else writes over meanwhile.
    package func read<Result>(_ body: (StoreView) throws -> Result) throws -> Result {
        // Not GRDB's `read`: it sets `PRAGMA query_only`, after which SQLite compiles every prepared statement anew.
        try database.queue.unsafeRead { try body(StoreView(db: $0)) }
    }

    /// Reads also from within a transaction, and then sees what that has written; for harnesses.
    package func peek<Result>(_ body: (StoreView) throws -> Result) rethrows -> Result {
        try database.queue.unsafeReentrantRead { try body(StoreView(db: $0)) }
    }

    /// SQLite's own check of the whole file: empty if it is sound.
    package func integrityProblems() throws -> [String] {
        try read { try $0.integrityProblems() }
    }
}

/// A file opened to look at it, beside whoever writes it.
package final class SagaStoreReader: Sendable {
    private let queue: DatabaseQueue

    /// - Throws: `UnusableDatabase`, which says what to do; `DatabaseNotSetUp` where there is nothing in it yet.
    package init(path: String) throws {
        queue = try DurableDatabase.reading(path: path, program: "skald", migrator: Schema.migrator)
    }

    package func read<Result>(_ body: (StoreView) throws -> Result) throws -> Result {
        try queue.read { try body(StoreView(db: $0)) }
    }
}

/// What can be read of the store. Its topics are in the files `StoreTransaction+….swift`, what only people ask in
/// `StoreView+Queries.swift`.
package class StoreView {
    let db: Database

    init(db: Database) { self.db = db }

    package func integrityProblems() throws -> [String] {
        try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
    }

    // MARK: Facts

    package func fact(_ name: String) throws -> String? {
        try String.fetchOne(db, cachedSQL: "SELECT value FROM facts WHERE name = ?", arguments: [name])
    }

    /// The greatest time any input was handled at, an id was made for, or sagas were pruned.
    package func lastTime() throws -> Timestamp? {
        let handled = try Int64.fetchOne(db, cachedSQL: "SELECT at FROM history ORDER BY id DESC LIMIT 1").map {
            Timestamp(milliseconds: $0)
        }
        let made = try greatestSagaID().map { SagaID.epoch.adding(milliseconds: $0.milliseconds) }
        let pruned = try fact(StoreFact.prunedAt).flatMap { Int64($0) }.map { Timestamp(milliseconds: $0) }
        return [handled, made, pruned].compactMap(\.self).max()
    }

    package func greatestSagaID() throws -> SagaID? {
        try Int64.fetchOne(db, cachedSQL: "SELECT max(saga) FROM keys").map { SagaID(column: $0) }
    }
}

/// The store inside one transaction that may write.
package final class StoreTransaction: StoreView {
    /// Runs `body` so that what it throws undoes only what it did itself.
    package func alone<Result>(_ body: () throws -> Result) throws -> Result {
        var result: Result?
        try db.inCachedSavepoint {
            result = try body()
            return .commit
        }
        guard let result else { preconditionFailure("the savepoint has run") }
        return result
    }

    func run(_ sql: String, _ arguments: StatementArguments) throws {
        try db.execute(cachedSQL: sql, arguments: arguments)
    }

    package func setFact(_ name: String, to value: String) throws {
        try run(
            "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [name, value])
    }
}
