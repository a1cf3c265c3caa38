import GRDB

extension DatabaseQueue {
    /// Whether this is called from within a transaction of this queue.
    package var unsafeIsInTransaction: Bool { unsafeReentrantRead { $0.isInsideTransaction } }
}

extension DatabaseReader {
    /// Reads all of one moment.
    ///
    /// GRDB's `read` sets `PRAGMA query_only`, after which SQLite compiles every prepared statement of the connection
    /// anew; that costs a harness more than what it reads.
    package func consistentRead<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try unsafeRead { db in
            try db.inCachedTransaction("BEGIN") { try body(db) }
        }
    }
}

extension DatabaseQueue {
    /// Runs one transaction that may write; what it throws rolls everything back.
    package func transaction<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try writeWithoutTransaction { db in try db.inCachedTransaction { try body(db) } }
    }
}

extension Database {
    /// As `inTransaction`, with its statements kept compiled: GRDB compiles `BEGIN` and `COMMIT` each time.
    package func inCachedTransaction<Result>(
        _ begin: String = "BEGIN IMMEDIATE", _ body: () throws -> Result
    ) throws -> Result {
        try execute(cachedSQL: begin)
        do {
            let result = try body()
            try execute(cachedSQL: "COMMIT")
            return result
        } catch {
            // Unless SQLite has done so by itself. What comes of it is not what went wrong.
            if isInsideTransaction { try? execute(cachedSQL: "ROLLBACK") }
            throw error
        }
    }

    /// As `inSavepoint`, within a transaction, with statements kept compiled: there is one for each message.
    package func inCachedSavepoint(_ body: () throws -> TransactionCompletion) throws {
        try run("SAVEPOINT alone")
        do {
            if try body() == .rollback { try run("ROLLBACK TO alone") }
            try run("RELEASE alone")
        } catch {
            // SQLite may have rolled back the whole transaction, and the savepoint with it.
            if isInsideTransaction {
                try run("ROLLBACK TO alone")
                try run("RELEASE alone")
            }
            throw error
        }
    }
}

// As GRDB's methods of the same names with `sql:`, with the statement kept compiled for the next time: for texts that
// are always the same.

extension Database {
    package func execute(cachedSQL sql: String, arguments: StatementArguments = StatementArguments()) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }
}

extension DatabaseValueConvertible where Self: StatementColumnConvertible {
    package static func fetchOne(
        _ db: Database, cachedSQL sql: String, arguments: StatementArguments = StatementArguments()
    ) throws -> Self? {
        try fetchOne(db.cachedStatement(sql: sql), arguments: arguments)
    }

    package static func fetchAll(
        _ db: Database, cachedSQL sql: String, arguments: StatementArguments = StatementArguments()
    ) throws -> [Self] {
        try fetchAll(db.cachedStatement(sql: sql), arguments: arguments)
    }
}

extension Row {
    package static func fetchOne(
        _ db: Database, cachedSQL sql: String, arguments: StatementArguments = StatementArguments()
    ) throws -> Row? {
        try fetchOne(db.cachedStatement(sql: sql), arguments: arguments)
    }

    package static func fetchAll(
        _ db: Database, cachedSQL sql: String, arguments: StatementArguments = StatementArguments()
    ) throws -> [Row] {
        try fetchAll(db.cachedStatement(sql: sql), arguments: arguments)
    }
}
