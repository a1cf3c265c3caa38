import DurableSQLite
import GRDB

/// A participant's own SQLite file: business tables and barrier, one writing connection in one process.
///
/// Every commit is on disk when it returns (`synchronous=FULL`). The file and its directory are readable by their
/// owner only.
public final class ParticipantDatabase: Sendable {
    public var queue: DatabaseQueue { database.queue }
    private let database: DurableDatabase

    /// Opens the file, creating it and its directory where they do not exist.
    ///
    /// - Throws: `UnusableDatabase` when another process has it, others may read it, or it is not this participant's
    ///   database of this version or an older one.
    public init(path: String, for participant: Participant) throws {
        database = try DurableDatabase(path: path, program: participant.name, migrator: participant.migrator)
    }

    /// A database that lives as long as this value, for tests and simulations.
    public init(inMemoryFor participant: Participant) throws {
        database = try DurableDatabase(inMemory: participant.migrator)
    }

    /// Opens a participant's file to look at it, without its lock.
    package static func reading(path: String) throws -> DatabaseQueue {
        try DurableDatabase.reading(path: path)
    }
}

extension Participant {
    var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("barrier 1", foreignKeyChecks: .immediate) { db in
            try db.execute(sql: Barrier.schema)
        }
        for migration in migrations {
            migrator.registerMigration(
                "\(name) \(migration.identifier)", foreignKeyChecks: .immediate, migrate: migration.migrate)
        }
        return migrator
    }
}
