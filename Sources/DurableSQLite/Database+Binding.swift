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

/// A value that SQLite can hold, as one of a statement's arguments; nil is NULL.
package protocol StatementValue {
    func bind(to binder: inout StatementBinder)
}

extension Int64: StatementValue {
    package func bind(to binder: inout StatementBinder) { binder.bind(self) }
}

extension Int: StatementValue {
    package func bind(to binder: inout StatementBinder) { binder.bind(self) }
}

extension Bool: StatementValue {
    package func bind(to binder: inout StatementBinder) { binder.bind(self) }
}

extension String: StatementValue {
    package func bind(to binder: inout StatementBinder) { binder.bind(self) }
}

extension StatementBinder {
    fileprivate mutating func bind(_ values: [(any StatementValue)?]) {
        for value in values {
            if let value { value.bind(to: &self) } else { bindNull() }
        }
    }
}

/// A row while SQLite is at it. Columns count from 0; what is NULL reads as 0 and as the empty text.
package struct StatementRow: ~Copyable {
    private let statement: OpaquePointer

    fileprivate init(_ statement: OpaquePointer) { self.statement = statement }

    package func isNull(_ column: Int) -> Bool { sqlite3_column_type(statement, Int32(column)) == SQLITE_NULL }
    package func int64(_ column: Int) -> Int64 { sqlite3_column_int64(statement, Int32(column)) }
    package func int(_ column: Int) -> Int { Int(int64(column)) }
    package func text(_ column: Int) -> String { withBytes(of: column) { String(decoding: $0, as: UTF8.self) } }
    package func textIfAny(_ column: Int) -> String? { isNull(column) ? nil : text(column) }

    /// Of a text, in UTF-8, or of a blob.
    package func bytes(_ column: Int) -> [UInt8] { withBytes(of: column) { Array($0) } }

    private func withBytes<Result>(of column: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let start = sqlite3_column_blob(statement, Int32(column))
        return body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, Int32(column)))))
    }
}

// For the statements of each message: as GRDB's methods, with the statement kept compiled for the next time, and without
// a value of GRDB's for each argument and column, which take as long as SQLite itself.

extension Database {
    /// Executes a statement that changes something, within a transaction.
    package func run(_ sql: String, _ bind: (inout StatementBinder) -> Void) throws {
        // SQLite rolls back by itself when the disk is full; what follows must not be committed one by one.
        guard isInsideTransaction else {
            throw DatabaseError(resultCode: .SQLITE_ABORT, message: "the transaction has been rolled back", sql: sql)
        }
        try step(sql, bind) { _ in true }
    }

    package func run(_ sql: String, _ values: (any StatementValue)?...) throws {
        try run(sql) { $0.bind(values) }
    }

    /// Reads each row by `body`, which must not execute the same statement.
    package func eachRow(
        _ sql: String, _ values: (any StatementValue)?..., body: (borrowing StatementRow) throws -> Void
    ) throws {
        try step(sql, { $0.bind(values) }) { row in
            try body(row)
            return true
        }
    }

    /// The first row as `body` reads it; nil if there is none.
    package func firstRow<Result>(
        _ sql: String, _ values: (any StatementValue)?..., body: (borrowing StatementRow) throws -> Result
    ) throws -> Result? {
        var result: Result?
        try step(sql, { $0.bind(values) }) { row in
            result = try body(row)
            return false
        }
        return result
    }

    /// - Parameter body: says whether it wants the next row.
    private func step(
        _ sql: String, _ bind: (inout StatementBinder) -> Void, _ body: (borrowing StatementRow) throws -> Bool
    ) throws {
        let statement = try cachedStatement(sql: sql).sqliteStatement
        defer { sqlite3_reset(statement) }
        var binder = StatementBinder(statement)
        bind(&binder)
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_DONE: return
            case SQLITE_ROW: guard try body(StatementRow(statement)) else { return }
            case let code:
                throw DatabaseError(
                    resultCode: ResultCode(rawValue: code), message: String(cString: sqlite3_errmsg(sqliteConnection)),
                    sql: sql)
            }
        }
    }
}
