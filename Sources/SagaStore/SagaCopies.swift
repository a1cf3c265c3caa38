import DurableSQLite
import GRDB
import SagaCore

/// Fills a file with copies of one saga that has ended, as if it had been in use for long: for measurements.
///
/// Row by row they are what the saga's own are, with ids, keys and times of their own: a saga a millisecond, the
/// youngest a millisecond older than the original, their keys in no order.
package struct SagaCopies {
    private let queue: DatabaseQueue
    private let original: SagaID
    private let count: Int

    /// - Parameters:
    ///   - path: of a file that nobody else has open meanwhile.
    ///   - atATime: how many are added in one transaction.
    ///   - freeBytes: how much room is left beside the file; nil where that is not known.
    ///   - onProgress: is told how many there are, after each transaction.
    /// - Throws: ``UnusableDatabase`` where they would not find room.
    package static func add(
        _ count: Int, of original: SagaID, path: String, atATime: Int = 250_000, freeBytes: () -> Int64?,
        onProgress: (Int) -> Void
    ) throws {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let copies = SagaCopies(
            queue: try DatabaseQueue(path: path, configuration: configuration), original: original, count: count)
        // Nothing is safe while it is filled: a file that is not filled to the end is thrown away.
        try copies.set("journal_mode = DELETE", "journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000")
        var done = 0
        while done < count {
            let next = min(count, done + atATime)
            try copies.add(done + 1...next)
            done = next
            onProgress(done)
            try copies.refuseWithoutRoom(done, freeBytes())
        }
        try copies.set("journal_mode = WAL", "synchronous = FULL")
        try copies.queue.close()
    }

    private func set(_ pragmas: String...) throws {
        try queue.writeWithoutTransaction { db in
            for pragma in pragmas { try db.execute(sql: "PRAGMA \(pragma)") }
        }
    }

    private func refuseWithoutRoom(_ done: Int, _ free: Int64?) throws {
        guard let free else { return }
        let size = try queue.read { db in
            try Int64.fetchOne(db, sql: "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size") ?? 0
        }
        let missing = size / Int64(done) * Int64(count - done)
        guard missing > free - free / 10 else { return }
        throw UnusableDatabase(
            description: "\(count) sagas take \((size + missing) >> 20) MB more; only \(free >> 20) MB are free")
    }

    private func add(_ numbers: ClosedRange<Int>) throws {
        let arguments: StatementArguments = [
            "first": numbers.lowerBound, "last": numbers.upperBound, "count": count, "original": original.column,
        ]
        try queue.write { db in
            for statement in [Self.sagas, Self.histories, Self.keys] {
                try db.execute(sql: statement, arguments: arguments)
            }
        }
    }

    /// Of each copy its number, its age in milliseconds before the original, its id and its key.
    private static let copies = """
        WITH RECURSIVE
            numbers (number) AS (
                SELECT CAST(:first AS INTEGER) UNION ALL SELECT number + 1 FROM numbers WHERE number < :last),
            copies (age, id, key) AS (
                SELECT :count + 1 - number, :original - ((:count + 1 - number) << 23),
                    printf('%08x-copy-%d', (number * 2654435761) & 4294967295, number)
                FROM numbers)
        """

    private static let sagas = """
        \(copies)
        INSERT INTO sagas (id, definition, name, version, key, status, is_paused, steps, rollback, error_code,
            error_message, sequence, started_at, updated_at, ended_at, wake_at)
        SELECT copies.id, definition, name, version, copies.key, status, is_paused, steps, rollback, error_code,
            error_message, sequence, started_at - age, updated_at - age, ended_at - age, wake_at
        FROM copies CROSS JOIN sagas AS original WHERE original.id = :original
        """

    private static let histories = """
        \(copies)
        INSERT INTO history (saga, first_sequence, at, format, events)
        SELECT copies.id, first_sequence, at - age, format,
            replace(events, '"' || original.key || '"', '"' || copies.key || '"')
        FROM copies CROSS JOIN sagas AS original CROSS JOIN history
        WHERE original.id = :original AND history.saga = original.id
        """

    /// Sorted, so that each page is visited once.
    private static let keys = """
        \(copies)
        INSERT INTO keys (key, name, again, saga, input_hash)
        SELECT copies.key, name, again, copies.id, input_hash
        FROM copies CROSS JOIN keys AS original WHERE original.saga = :original ORDER BY copies.key
        """
}
