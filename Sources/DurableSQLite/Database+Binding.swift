import GRDB
import GRDBSQLite

/// Puts values into the places of a statement, one after the other.
package struct StatementBinder: ~Copyable {
    private let statement: OpaquePointer
    private var place: Int32 = 0

    fileprivate init(_ statement: OpaquePointer) { self.statement = statement }

    package mutating func bind(_ number: Int64) {
        place += 1
        sqlite3_bind_int64(statement, place, number)
    }

    package mutating func bind(_ number: Int) { bind(Int64(number)) }
    package mutating func bind(_ flag: Bool) { bind(flag ? 1 : 0) }

    package mutating func bind(_ number: Int64?) {
        guard let number else { return bindNull() }
        bind(number)
    }

    /// One with a NUL is kept whole.
    package mutating func bind(_ text: String) {
        var text = text
        text.withUTF8 { bind(text: UnsafeRawBufferPointer($0)) }
    }

    package mutating func bind(_ text: String?) {
        guard let text else { return bindNull() }
        bind(text)
    }

    /// As a text.
    package mutating func bind(text bytes: [UInt8]) {
        bytes.withUnsafeBytes { bind(text: $0) }
    }

    private mutating func bind(text bytes: UnsafeRawBufferPointer) {
        place += 1
        // To SQLite a null pointer is NULL.
        guard !bytes.isEmpty else { return _ = sqlite3_bind_text(statement, place, "", 0, Self.copied) }
        let characters = bytes.bindMemory(to: CChar.self)
        sqlite3_bind_text(statement, place, characters.baseAddress, Int32(characters.count), Self.copied)
    }

    package mutating func bind(blob bytes: [UInt8]) {
        place += 1
        guard !bytes.isEmpty else { return _ = sqlite3_bind_zeroblob(statement, place, 0) }
        bytes.withUnsafeBytes { [statement, place] in
            _ = sqlite3_bind_blob(statement, place, $0.baseAddress, Int32($0.count), Self.copied)
        }
    }

    private mutating func bindNull() {
        place += 1
        sqlite3_bind_null(statement, place)
    }

    /// SQLite makes its own copy: `SQLITE_TRANSIENT`, which Swift does not import.
    private static var copied: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }
}

extension Database {
    /// Executes a statement that changes something, within a transaction.
    ///
    /// For the statements of each message: as `execute(cachedSQL:arguments:)`, without a value of GRDB's for each
    /// argument, which took as long as SQLite itself.
    package func run(_ sql: String, _ bind: (inout StatementBinder) -> Void) throws {
        // SQLite rolls back by itself when the disk is full; what follows must not be committed one by one.
        guard isInsideTransaction else {
            throw DatabaseError(resultCode: .SQLITE_ABORT, message: "the transaction has been rolled back", sql: sql)
        }
        let statement = try cachedStatement(sql: sql).sqliteStatement
        var binder = StatementBinder(statement)
        bind(&binder)
        let result = sqlite3_step(statement)
        let message = result == SQLITE_DONE ? nil : String(cString: sqlite3_errmsg(sqliteConnection))
        sqlite3_reset(statement)
        guard let message else { return }
        throw DatabaseError(resultCode: ResultCode(rawValue: result), message: message, sql: sql)
    }
}
