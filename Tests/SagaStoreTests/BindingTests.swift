import DurableSQLite
import GRDB
import Testing

/// Statements that go past GRDB (decision record 17), and databases that are put back.
@Suite("Statements of the hot path")
struct BindingTests {
    private let queue: DatabaseQueue

    init() throws {
        queue = try DatabaseQueue()
        try queue.write { db in
            try db.execute(sql: "CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT, body BLOB, number INTEGER) STRICT")
        }
    }

    private func insert(_ db: Database, _ id: Int64, _ word: String?, _ body: [UInt8], _ number: Int64?) throws {
        try db.run("INSERT INTO t VALUES (?, ?, ?, ?)") {
            $0.bind(id)
            $0.bind(word)
            $0.bind(blob: body)
            $0.bind(number)
        }
    }

    @Test(
        arguments: [
            ("", []), ("é", [0]), ("a\0b", Array(0...255)), (nil, Array(repeating: 7, count: 10_000)),
        ] as [(String?, [UInt8])])
    func aValueComesBackAsItWas(_ word: String?, _ body: [UInt8]) throws {
        try queue.write { db in try insert(db, 1, word, body, word == nil ? nil : .min) }
        let row = try #require(
            try queue.read { try Row.fetchOne($0, sql: "SELECT word IS NULL, hex(word), hex(body), number FROM t") })
        #expect(row[0] == (word == nil))
        #expect(row[1] == Self.hex(word.map { Array($0.utf8) } ?? []))
        #expect(row[2] == Self.hex(body))
        #expect(row[3] == (word == nil ? nil : Int64.min))
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
    }

    @Test func whatBreaksAConstraintIsAnErrorAndTheStatementGoesOnWorking() throws {
        try queue.write { db in
            try insert(db, 1, "a", [], nil)
            #expect(throws: DatabaseError.self) { try insert(db, 1, "b", [], nil) }
            try insert(db, 2, "c", [], nil)
        }
        #expect(try queue.read { try String.fetchAll($0, sql: "SELECT word FROM t ORDER BY id") } == ["a", "c"])
    }

    @Test("F21: after SQLite has rolled back by itself nothing more is written")
    func rolledBack() throws {
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "BEGIN")
            try insert(db, 1, "a", [], nil)
            try db.execute(sql: "ROLLBACK")
            #expect(throws: DatabaseError.self) { try insert(db, 2, "b", [], nil) }
        }
        #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM t") } == 0)
    }

    @Test func aSavepointUndoesItsOwnOnly() throws {
        struct Trouble: Error {}
        try queue.write { db in
            try insert(db, 1, "kept", [], nil)
            #expect(throws: Trouble.self) {
                try db.inCachedSavepoint {
                    try insert(db, 2, "undone", [], nil)
                    throw Trouble()
                }
            }
            try db.inCachedSavepoint {
                try insert(db, 3, "undone", [], nil)
                return .rollback
            }
            try db.inCachedSavepoint {
                try insert(db, 4, "kept", [], nil)
                return .commit
            }
        }
        #expect(try queue.read { try Int64.fetchAll($0, sql: "SELECT id FROM t ORDER BY id") } == [1, 4])
    }

    @Test func wordsAreCheckedAsAListWould() throws {
        try queue.write { db in
            try db.execute(sql: "CREATE TABLE w (word TEXT CHECK \(check("word", isOneOf: "a", "b", "c"))) STRICT")
            try db.execute(sql: "INSERT INTO w VALUES ('a'), ('c'), (NULL)")
            #expect(throws: DatabaseError.self) { try db.execute(sql: "INSERT INTO w VALUES ('d')") }
        }
    }

    @Test func aDatabaseIsPutBackAsItWas() throws {
        try queue.write { db in
            try db.execute(
                sql: """
                    CREATE TRIGGER remains BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'it only grows'); END;
                    INSERT INTO t VALUES (1, 'first', x'', 1)
                    """)
        }
        let content = try PristineContent(of: queue)
        for round in 1...3 {
            try queue.write { db in
                for id in 2...2000 { try insert(db, Int64(id), "round \(round)", Array(repeating: 1, count: 100), nil) }
                try db.run("UPDATE t SET word = 'changed' WHERE id = ?") { $0.bind(1) }
            }
            try content.restore(queue)
            let words = try queue.read { try String.fetchAll($0, cachedSQL: "SELECT word FROM t") }
            #expect(words == ["first"])
            #expect(try queue.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") } == ["ok"])
        }
    }
}
