import GRDB
import GRDBSQLite

/// What a database in memory held right after it was set up, to be put back: a harness that needs a new database a
/// thousand times a second has no time to set one up each time.
///
/// The bytes are put back beneath SQLite. Emptying the tables would have to drop the triggers that forbid it, and
/// after a change of the schema every prepared statement is compiled anew.
package struct PristineContent: Sendable {
    /// Places in the header of a database, https://www.sqlite.org/fileformat2.html#the_database_header
    private static let changeCounter = 24
    private static let versionValidFor = 92

    private let image: [UInt8]

    /// Keeps what the database holds now, and makes it one whose bytes can be put back.
    package init(of queue: DatabaseQueue) throws {
        image = try queue.writeWithoutTransaction { db in
            var size: sqlite3_int64 = 0
            guard let bytes = sqlite3_serialize(db.sqliteConnection, "main", &size, 0) else { throw Self.noMemory }
            let image = [UInt8](UnsafeRawBufferPointer(start: bytes, count: Int(size)))
            let flags = UInt32(SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE)
            let result = sqlite3_deserialize(db.sqliteConnection, "main", bytes, size, size, flags)
            guard result == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: result)) }
            return image
        }
    }

    /// Puts it back; between transactions only.
    package func restore(_ queue: DatabaseQueue) throws {
        try queue.writeWithoutTransaction { db in
            var size: sqlite3_int64 = 0
            let flags = UInt32(SQLITE_SERIALIZE_NOCOPY)
            guard let bytes = sqlite3_serialize(db.sqliteConnection, "main", &size, flags), size >= image.count else {
                throw Self.noMemory
            }
            // Another count tells SQLite that the pages it remembers are old.
            let count = Self.number(at: Self.changeCounter, of: bytes) &+ 1
            bytes.update(from: image, count: image.count)
            Self.set(count, at: Self.changeCounter, of: bytes)
            Self.set(count, at: Self.versionValidFor, of: bytes)
        }
    }

    private static var noMemory: DatabaseError { DatabaseError(resultCode: .SQLITE_NOMEM) }

    private static func number(at place: Int, of bytes: UnsafeMutablePointer<UInt8>) -> UInt32 {
        UInt32(bigEndian: UnsafeRawPointer(bytes).loadUnaligned(fromByteOffset: place, as: UInt32.self))
    }

    private static func set(_ number: UInt32, at place: Int, of bytes: UnsafeMutablePointer<UInt8>) {
        UnsafeMutableRawPointer(bytes).storeBytes(of: number.bigEndian, toByteOffset: place, as: UInt32.self)
    }
}
