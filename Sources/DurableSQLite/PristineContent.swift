import GRDB

/// What a database in memory held right after it was set up, to be put back: a harness that needs a new database a
/// thousand times a second has no time to set one up each time.
package struct PristineContent: Sendable {
    private struct Guard: Sendable {
        let name: String
        let sql: String
    }
    private let tables: [(name: String, rows: [[DatabaseValue]])]
    /// Triggers that forbid deleting.
    private let guards: [Guard]

    package init(of queue: DatabaseQueue) throws {
        (tables, guards) = try queue.read { db in
            let names = try String.fetchAll(
                db,
                sql: """
                    SELECT name FROM sqlite_master
                    WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'grdb_migrations' ORDER BY name
                    """)
            let tables = try names.map { name in
                let rows = try Row.fetchAll(db, sql: "SELECT * FROM \"\(name)\"").map { Array($0.databaseValues) }
                return (name: name, rows: rows)
            }
            let guards = try Row.fetchAll(
                db, sql: "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%BEFORE DELETE%'"
            ).map { Guard(name: $0[0], sql: $0[1]) }
            return (tables, guards)
        }
    }

    package func restore(_ queue: DatabaseQueue) throws {
        try queue.write { db in
            try db.execute(sql: "PRAGMA defer_foreign_keys = ON")
            for trigger in guards { try db.execute(sql: "DROP TRIGGER \"\(trigger.name)\"") }
            for (name, rows) in tables {
                try db.execute(cachedSQL: "DELETE FROM \"\(name)\"", arguments: [])
                for row in rows {
                    let marks = row.map { _ in "?" }.joined(separator: ", ")
                    try db.execute(
                        cachedSQL: "INSERT INTO \"\(name)\" VALUES (\(marks))", arguments: StatementArguments(row))
                }
            }
            if try db.tableExists("sqlite_sequence") {
                try db.execute(cachedSQL: "DELETE FROM sqlite_sequence", arguments: [])
            }
            for trigger in guards { try db.execute(sql: trigger.sql) }
        }
    }
}
