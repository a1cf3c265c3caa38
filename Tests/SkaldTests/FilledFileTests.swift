import Foundation
import GRDB
import SagaCore
import SagaEngine
import SagaStore
import Testing

@testable import skald

@Suite("A file filled with finished sagas")
struct FilledFileTests {
    private let directory = FileManager.default.temporaryDirectory.path + "/skald-filled-\(UUID().uuidString)"

    private func filled(_ count: Int) throws -> SagaStore {
        try FilledFile.prepare(directory, count: count)
        return try SagaStore(path: directory + "/skald.sqlite")
    }

    private func remove() { try? FileManager.default.removeItem(atPath: directory) }

    /// Of each saga its rows, without what is its own: ids, key and times relative to its start.
    private static func shapes(_ db: Database) throws -> [String] {
        try Row.fetchAll(db, sql: "SELECT * FROM sagas ORDER BY id").map { saga in
            let (id, key, start): (Int64, String, Int64) = (saga["id"], saga["key"], saga["started_at"])
            let times: Set = ["started_at", "updated_at", "ended_at", "wake_at", "at"]
            func text(_ row: Row) -> String {
                row.map { column, value -> String in
                    if ["id", "saga"].contains(column) { return "\(column) of its own" }
                    if times.contains(column), let time = Int64.fromDatabaseValue(value) {
                        return "\(column) \(time - start)"
                    }
                    let shown = value.description.replacing(key, with: "KEY")
                    // The copies' limits are those of the original.
                    return "\(column) \(shown.replacing(/"timeoutAt":\d+/, with: "TIMEOUT"))"
                }.joined(separator: "|")
            }
            let history = try Row.fetchAll(
                db, sql: "SELECT * FROM history WHERE saga = ? ORDER BY first_sequence", arguments: [id])
            let keys = try Row.fetchAll(db, sql: "SELECT * FROM keys WHERE saga = ?", arguments: [id])
            return ([saga] + history + keys).map(text).joined(separator: "\n")
        }
    }

    @Test func copiesLookLikeTheSagaThatWasReallyFinished() throws {
        defer { remove() }
        let store = try filled(50)
        let shapes = try store.queue.read { try Self.shapes($0) }
        #expect(shapes.count == 50)
        #expect(Set(shapes).count == 1, "\(Set(shapes).joined(separator: "\n\n"))")
        #expect(shapes[0].split(separator: "\n").count == 6, "a row, four of history, a key")
        #expect(try store.queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM outbox") } == 0)
    }

    @Test func copiesAreOlderAndComeInTheOrderOfTheirIds() throws {
        defer { remove() }
        let store = try filled(50)
        let (ids, sagas) = try store.read { (try $0.sagaIDs(), try $0.sagas(SagaFilter())) }
        #expect(Set(ids).count == 50)
        #expect(sagas.map(\.id).sorted() == ids)
        let soon = Timestamp(milliseconds: Int64(Date.now.timeIntervalSince1970 * 1000) + 1000)
        #expect(sagas.allSatisfy { $0.startedAt < soon && $0.id.timestamp < soon })
        let inHistory = try store.queue.read { db in
            try Int64.fetchAll(db, sql: "SELECT saga FROM history WHERE first_sequence = 1 ORDER BY id")
        }
        // The one that was really finished came first into the file.
        #expect(inHistory.dropFirst() == inHistory.dropFirst().sorted()[...])
    }

    @Test("skald check and SQLite's own check hold, and the file is closed as SQLite's log wants it")
    func check() throws {
        defer { remove() }
        let store = try filled(50)
        #expect(try store.integrityProblems() == [])
        #expect(try store.queue.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal")
        #expect(try store.queue.read { try Row.fetchAll($0, sql: "PRAGMA foreign_key_check") }.isEmpty)
        let reader = try SagaStoreReader(path: directory + "/skald.sqlite")
        var read = 0
        #expect(try IndexCheck.run(reader) { read = $0 } == [])
        #expect(read == 50)
    }

    @Test func theEngineGoesOnInIt() throws {
        defer { remove() }
        let store = try filled(50)
        let definition = try BenchDefinitions.definition(BenchDefinitions.echo)
        let before = try #require(try store.read { try $0.greatestSagaID() })
        let core = try EngineCore(store: store, settings: EngineSettings(), definitions: [definition])
        var drive = EngineDrive(core: core, definition: definition)
        try drive.run(5) { "new-\($0)" }
        let new = try store.read { try $0.sagaIDs() }.filter { $0 > before }
        #expect(new.count == 5)
        // A start with the key of a copy finds that copy.
        let known = try #require(try store.read { try $0.sagas(SagaFilter()).last })
        let owner = try #require(try store.read { try $0.owner(ofKey: known.key, name: definition.name) })
        #expect(owner.saga == known.id)
    }

    @Test func oneThatIsThereIsTakenIfItIsLargeEnough() throws {
        defer { remove() }
        do {
            let store = try filled(20)
            try store.claim(transport: "amqp://elsewhere", shard: 0)
            try store.write { try $0.setFact(StoreFact.isOpen, to: "yes") }
        }
        #expect(throws: CommandFailure.self) { try FilledFile.prepare(directory, count: 21) }
        let store = try filled(20)
        #expect(try store.read { try $0.keyCount() } == 20)
        #expect(try store.read { try $0.fact(StoreFact.isOpen) } == "no")
        try store.claim(transport: "amqp://here", shard: 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory).contains("filling") == false)
    }

    @Test func whereThereIsNoRoomItEndsEarly() throws {
        let original = try FilledFile.finishedSaga(in: directory + "/skald.sqlite")
        defer { remove() }
        var done: [Int] = []
        #expect(throws: (any Error).self) {
            try SagaCopies.add(
                300_000, of: original, path: directory + "/skald.sqlite", atATime: 100, freeBytes: { 1_000_000 },
                onProgress: { done.append($0) })
        }
        #expect(done == [100], "found out after the first of them")
    }
}
