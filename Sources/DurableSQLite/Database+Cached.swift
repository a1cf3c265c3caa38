import GRDB

extension DatabaseQueue {
    /// Whether this is called from within a transaction of this queue.
    package var unsafeIsInTransaction: Bool { unsafeReentrantRead { $0.isInsideTransaction } }
}

extension Database {
    /// As `execute(sql:arguments:)`, with the statement kept for the next time.
    package func execute(cachedSQL sql: String, arguments: StatementArguments) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }
}
