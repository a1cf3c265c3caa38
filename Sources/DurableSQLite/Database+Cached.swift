import GRDB

extension Database {
    /// As `execute(sql:arguments:)`, with the statement kept for the next time.
    package func execute(cachedSQL sql: String, arguments: StatementArguments) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }
}
