import CSQLite
import GRDB
import Glibc
import SagaCore
import Synchronization

/// Why a file cannot be used as a database, in one sentence with what to do.
public struct UnusableDatabase: Error, Sendable, CustomStringConvertible {
    public let description: String

    package init(description: String) {
        self.description = description
    }
}

/// A file that its owner is setting up right now, or has never finished setting up: there is nothing in it yet.
package struct DatabaseNotSetUp: Error, Sendable, CustomStringConvertible {
    package let path: String

    package var description: String { "\(path) holds nothing yet: it has not been set up" }
}

/// An SQLite file with one writing connection in one process.
///
/// Every commit is on disk when it returns (`synchronous=FULL`). The file and its directory are readable by their
/// owner only.
package final class DurableDatabase: Sendable {
    private let connection: Mutex<DatabaseQueue>
    private let file: File?
    private let lock: FileLock?

    private struct File {
        let path: String
        let program: String
        let busyTimeout: Duration
    }

    package var queue: DatabaseQueue { connection.withLock { $0 } }

    /// SQLite counts the memory it uses under one lock for the whole process, where the threads of a campaign of
    /// simulations wait for each other. Ineffective, and harmless, once somebody has used SQLite.
    private static let keepsNoMemoryStatistics: Void = { _ = skald_sqlite_keep_no_memory_statistics() }()

    /// Who has the file, as it says to others; nil in memory.
    package var owner: String? { lock?.owner }

    /// Opens the file, creating it and its directory where they do not exist, and brings its schema up to date.
    ///
    /// - Parameters:
    ///   - program: whose database it is, for error messages.
    ///   - busyTimeout: how long a transaction waits for someone else who has locked the file.
    /// - Throws: ``UnusableDatabase`` when another process has it, others may read it, or it is not this program's
    ///   database of this version or an older one.
    package init(
        path: String, program: String, migrator: DatabaseMigrator, busyTimeout: Duration = .seconds(5)
    ) throws {
        Self.keepsNoMemoryStatistics
        try Self.makeDirectory(of: path)
        lock = try FileLock(path: path + ".lock")
        try Self.prepareFile(at: path)
        do {
            try Self.refuseForeign(try Self.reading(path: path), path, migrator, program)
            let file = File(path: path, program: program, busyTimeout: busyTimeout)
            self.file = file
            connection = Mutex(try Self.connect(file))
        } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
            throw Self.notADatabase(path)
        }
        try migrator.migrate(queue)
    }

    /// A database that lives as long as this value, for tests and simulations.
    package init(inMemory migrator: DatabaseMigrator) throws {
        lock = nil
        file = nil
        Self.keepsNoMemoryStatistics
        connection = Mutex(try DatabaseQueue())
        try migrator.migrate(queue)
    }

    /// Closes the connection and opens another, keeping the lock: what the file holds is read from it again. Does
    /// nothing to a database in memory.
    ///
    /// - Throws: what SQLite says; until a call succeeds there is no connection to work with.
    package func reopen() throws {
        guard let file else { return }
        try connection.withLock { queue in
            try queue.close()
            queue = try Self.connect(file)
        }
    }

    private static func connect(_ file: File) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(file.busyTimeout / .seconds(1))
        configuration.label = file.program
        let queue = try DatabaseQueue(path: file.path, configuration: configuration)
        try queue.writeWithoutTransaction { db in
            // GRDB has set NORMAL while it opened the file.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2 else {
                throw UnusableDatabase(
                    description: "\(file.path): SQLite does not take synchronous=FULL; refusing to go on")
            }
        }
        return queue
    }

    /// Opens a file to look at it, without its lock.
    package static func reading(path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Opens a file to look at it, without its lock, refusing what is not this program's or open to everybody.
    ///
    /// - Throws: ``UnusableDatabase``; ``DatabaseNotSetUp`` where its tables are still missing.
    package static func reading(path: String, program: String, migrator: DatabaseMigrator) throws -> DatabaseQueue {
        try refuseWhatIsNoFileOfOurs(path)
        do {
            let queue = try reading(path: path)
            guard try refuseForeign(queue, path, migrator, program) else { throw DatabaseNotSetUp(path: path) }
            return queue
        } catch let error as DatabaseError {
            switch error.resultCode {
            case .SQLITE_NOTADB: throw notADatabase(path)
            case .SQLITE_CANTOPEN, .SQLITE_READONLY:
                throw UnusableDatabase(
                    description: "\(path) cannot be read (\(error.message ?? "SQLite cannot open it")); be its owner")
            default: throw error
            }
        }
    }

    private static func notADatabase(_ path: String) -> UnusableDatabase {
        UnusableDatabase(description: "\(path) is not an SQLite database; move it away or name another directory")
    }

    private static func makeDirectory(of path: String) throws {
        let directory = path.parentDirectory
        guard mkdir(directory, 0o700) != 0 else { return }
        if errno == EEXIST || errno == ENOTDIR {
            var status = stat()
            if stat(directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
            throw UnusableDatabase(description: "\(directory) is not a directory; name another")
        }
        if errno == ENOENT {
            try makeDirectory(of: directory)
            if mkdir(directory, 0o700) == 0 || errno == EEXIST { return }
        }
        throw UnusableDatabase(
            description: "cannot make the directory \(directory): \(String(cString: strerror(errno)))")
    }

    /// Creates a missing file for its owner only, before SQLite opens it (never after: closing a descriptor would drop
    /// SQLite's locks), and refuses one that everybody may read.
    private static func prepareFile(at path: String) throws {
        let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        if descriptor >= 0 {
            close(descriptor)
            return
        }
        guard errno == EEXIST else { throw cannotOpen(path) }
        try refuseWhatIsNoFileOfOurs(path)
    }

    private static func refuseWhatIsNoFileOfOurs(_ path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0 else { throw cannotOpen(path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw UnusableDatabase(description: "\(path) is not a file") }
        guard status.st_mode & 0o007 == 0 else {
            throw UnusableDatabase(description: "\(path) is open to everybody on this machine; run: chmod 600 \(path)")
        }
    }

    private static func cannotOpen(_ path: String) -> UnusableDatabase {
        UnusableDatabase(description: "cannot open \(path): \(String(cString: strerror(errno)))")
    }

    /// - Returns: whether it has been set up.
    @discardableResult
    private static func refuseForeign(
        _ queue: DatabaseQueue, _ path: String, _ migrator: DatabaseMigrator, _ program: String
    ) throws -> Bool {
        try queue.read { db in
            // First, since only a read of something that is there begins the snapshot: its owner may be setting it up.
            // The migrator's own table comes before all others, so that it may be all there is.
            let tables = try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM sqlite_master
                    WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'grdb_migrations'
                    """)
            if try migrator.hasBeenSuperseded(db) {
                throw UnusableDatabase(
                    description: """
                        \(path) was written by a newer version of \(program), or by another service; \
                        use that version, or name another directory
                        """)
            }
            let isSetUp = try !migrator.appliedIdentifiers(db).isEmpty
            if !isSetUp, let tables, tables > 0 {
                throw UnusableDatabase(
                    description: "\(path) is the database of another program; move it away or name another directory")
            }
            return isSetUp
        }
    }
}

extension String {
    fileprivate var parentDirectory: String {
        guard let slash = lastIndex(of: "/") else { return "." }
        return slash == startIndex ? "/" : String(self[..<slash])
    }
}
