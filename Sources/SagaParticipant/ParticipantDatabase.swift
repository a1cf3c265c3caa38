import GRDB
import Glibc
import SagaCore

/// A participant's own SQLite file: business tables and barrier, one writing connection in one process.
///
/// Every commit is on disk when it returns (`synchronous=FULL`). The file and its directory are readable by their
/// owner only.
public final class ParticipantDatabase: Sendable {
    public let queue: DatabaseQueue
    private let lock: DatabaseLock?

    /// Why a file cannot be a participant's database, in one sentence with what to do.
    public struct Unusable: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// Opens the file, creating it and its directory where they do not exist.
    ///
    /// - Throws: ``Unusable`` when another process has it, others may read it, or it is not this participant's
    ///   database of this version or an older one.
    public init(path: String, for participant: Participant) throws {
        try Self.makeDirectory(of: path)
        lock = try DatabaseLock(path: path + ".lock")
        try Self.prepareFile(at: path)
        let migrator = participant.migrator
        do {
            try Self.refuseForeign(path, migrator, participant.name)
            var configuration = Configuration()
            configuration.journalMode = .wal
            configuration.busyMode = .timeout(5)
            configuration.label = participant.name
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA synchronous = FULL")
                guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2 else {
                    throw Unusable(description: "\(path): SQLite does not take synchronous=FULL; refusing to go on")
                }
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
            throw Unusable(description: "\(path) is not an SQLite database; move it away or name another directory")
        }
        try migrator.migrate(queue)
    }

    /// A database that lives as long as this value, for tests and simulations.
    public init(inMemoryFor participant: Participant) throws {
        lock = nil
        queue = try DatabaseQueue()
        try participant.migrator.migrate(queue)
    }

    /// Opens a participant's file to look at it, without its lock.
    package static func reading(path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    private static func makeDirectory(of path: String) throws {
        let directory = path.parentDirectory
        guard mkdir(directory, 0o700) != 0, errno != EEXIST else { return }
        if errno == ENOENT {
            try makeDirectory(of: directory)
            if mkdir(directory, 0o700) == 0 || errno == EEXIST { return }
        }
        throw Unusable(description: "cannot make the directory \(directory): \(String(cString: strerror(errno)))")
    }

    /// Creates a missing file for its owner only, before SQLite opens it (never after: closing a descriptor would drop
    /// SQLite's locks), and refuses one that everybody may read.
    private static func prepareFile(at path: String) throws {
        let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        if descriptor >= 0 {
            close(descriptor)
            return
        }
        var status = stat()
        guard errno == EEXIST, stat(path, &status) == 0 else {
            throw Unusable(description: "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Unusable(description: "\(path) is not a file") }
        guard status.st_mode & 0o007 == 0 else {
            throw Unusable(description: "\(path) is open to everybody on this machine; run: chmod 600 \(path)")
        }
    }

    private static func refuseForeign(_ path: String, _ migrator: DatabaseMigrator, _ name: String) throws {
        try reading(path: path).read { db in
            if try migrator.hasBeenSuperseded(db) {
                throw Unusable(
                    description: """
                        \(path) was written by a newer version of \(name), or by another service; \
                        use that version, or name another directory
                        """)
            }
            let tables = try Int.fetchOne(
                db, sql: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            if try migrator.appliedIdentifiers(db).isEmpty, let tables, tables > 0 {
                throw Unusable(
                    description: "\(path) is the database of another program; move it away or name another directory")
            }
        }
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

extension String {
    fileprivate var parentDirectory: String {
        guard let slash = lastIndex(of: "/") else { return "." }
        return slash == startIndex ? "/" : String(self[..<slash])
    }
}
