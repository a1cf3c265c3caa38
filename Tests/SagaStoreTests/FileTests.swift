import DurableSQLite
import Foundation
import GRDB
import SagaBus
import SagaCore
import Synchronization
import Testing

@testable import SagaStore

@Suite("The file")
struct FileTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.file("data/deep/skald.sqlite") }

    init() throws { directory = try TemporaryDirectory() }

    private func refusal(_ path: String) -> String? {
        let error = #expect(throws: UnusableDatabase.self) { _ = try SagaStore(path: path) }
        return error?.description
    }

    @Test func onlyItsOwnerReadsIt() throws {
        let store = try SagaStore(path: path)
        try Sample.start(1, in: store)
        #expect(try TemporaryDirectory.permissions(of: directory.file("data")) == 0o700)
        #expect(try TemporaryDirectory.permissions(of: directory.file("data/deep")) == 0o700)
        for suffix in ["", "-wal", "-shm", ".lock"] {
            #expect(try TemporaryDirectory.permissions(of: path + suffix) == 0o600, "\(suffix)")
        }
    }

    @Test("a file of before keeps its keys, and who was started again for whom")
    func keysOfBefore() throws {
        let path = directory.file("old.sqlite")
        let hash = SHA256.hex([])
        do {
            let old = try DatabaseQueue(path: path)
            try Schema.migrator.migrate(old, upTo: "orchestrator 3")
            try old.write { db in
                for (saga, again) in [(1, nil), (2, 1), (3, 2)] {
                    try db.execute(
                        sql: "INSERT INTO keys (name, key, saga, input_hash, again) VALUES ('shop', 'k', ?, ?, ?)",
                        arguments: [Sample.id(saga).column, hash, again.map { Sample.id($0).column }])
                }
            }
            try old.close()
        }
        #expect(chmod(path, 0o600) == 0)
        let store = try SagaStore(path: path)
        let (owner, successors, all) = try store.read { view in
            (
                try view.owner(ofKey: "k", name: "shop"),
                try [1, 3].map { try view.successor(of: Sample.id($0), key: "k", name: "shop") },
                try view.sagas(withKey: "k")
            )
        }
        #expect(owner == KeyOwner(saga: Sample.id(3), inputHash: hash, again: Sample.id(2)))
        #expect(successors == [KeyOwner(saga: Sample.id(2), inputHash: hash, again: Sample.id(1)), nil])
        #expect(all == [3, 2, 1].map(Sample.id))
    }

    @Test func everyCommitIsOnDisk() throws {
        let store = try SagaStore(path: path)
        let (synchronous, mode) = try store.read {
            (
                try Int.fetchOne($0.db, sql: "PRAGMA synchronous"),
                try String.fetchOne($0.db, sql: "PRAGMA journal_mode")
            )
        }
        #expect(synchronous == 2)
        #expect(mode == "wal")
    }

    @Test("F22: whoever has the file locked is waited for: five seconds, also after an error")
    func busyTimeout() throws {
        func milliseconds(_ store: SagaStore) throws -> Int? {
            try store.read { try Int.fetchOne($0.db, sql: "PRAGMA busy_timeout") }
        }
        let store = try SagaStore(path: path)
        #expect(try milliseconds(store) == 5000)
        try store.reopen()
        #expect(try milliseconds(store) == 5000)
        let reader = try SagaStoreReader(path: path)
        #expect(try reader.read { try Int.fetchOne($0.db, sql: "PRAGMA busy_timeout") } == 5000)
    }

    @Test func whatWasWrittenIsThereAfterReopening() throws {
        var store: SagaStore? = try SagaStore(path: path)
        let state = try Sample.start(1, in: #require(store))
        store = nil
        let reopened = try SagaStore(path: path)
        #expect(try reopened.read { try $0.state(of: state.id) } == state)
        #expect(try reopened.integrityProblems() == [])
    }

    @Test("F1: what a killed process left behind is recovered")
    func recovery() throws {
        let store = try SagaStore(path: path)
        let state = try Sample.start(1, in: store)
        let copy = directory.file("copy.sqlite")
        for suffix in ["", "-wal"] { try FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix) }
        let recovered = try SagaStore(path: copy)
        #expect(try recovered.read { try $0.state(of: state.id) } == state)
        #expect(try recovered.integrityProblems() == [])
    }

    @Test("F23: a second opener is refused and told who has it; closing lets go")
    func lock() throws {
        var first: SagaStore? = try SagaStore(path: path)
        let message = try #require(refusal(path))
        #expect(message.contains("pid \(getpid()) on \(ProcessInfo.processInfo.hostName), since 20"))
        #expect(first != nil)
        first = nil
        _ = try SagaStore(path: path)
    }

    @Test func anOpenThatIsRefusedHoldsNoLock() throws {
        try FileManager.default.createDirectory(atPath: directory.file("data/deep"), withIntermediateDirectories: true)
        try Data("This is not a database, whatever its name says.".utf8).write(to: URL(fileURLWithPath: path))
        chmod(path, 0o600)
        _ = refusal(path)
        #expect(unlink(path) == 0)
        _ = try SagaStore(path: path)
    }

    @Test func whatIsNoDatabaseIsRefusedAndLeftAlone() throws {
        let file = directory.file("notes.txt")
        let text = Data(String(repeating: "These are my notes. ", count: 500).utf8)
        try text.write(to: URL(fileURLWithPath: file))
        chmod(file, 0o600)
        #expect(refusal(file)?.contains("not an SQLite database") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == text)
    }

    @Test func anotherProgramsDatabaseIsRefusedAndLeftAlone() throws {
        let file = directory.file("other.sqlite")
        do {
            let queue = try DatabaseQueue(path: file)
            try queue.write { try $0.execute(sql: "CREATE TABLE notes (text TEXT)") }
        }
        chmod(file, 0o600)
        #expect(refusal(file)?.contains("another program") == true)
        let tables = try DatabaseQueue(path: file).read {
            try String.fetchAll($0, sql: "SELECT name FROM sqlite_master")
        }
        #expect(tables == ["notes"])
    }

    @Test("F1: killed while it set the file up, it goes on; a reader finds nothing there yet")
    func halfMade() throws {
        _ = try SagaStore(path: directory.file("data/other.sqlite"))
        for name in ["empty", "begun"] {
            let file = directory.file("data/\(name).sqlite")
            do {
                let queue = try DatabaseQueue(path: file)
                guard name == "begun" else { continue }
                // All that the migrator has committed before its first migration.
                try queue.write { try $0.execute(sql: "CREATE TABLE grdb_migrations (identifier TEXT PRIMARY KEY)") }
            }
            chmod(file, 0o600)
            #expect(throws: DatabaseNotSetUp.self, "\(name)") { try SagaStoreReader(path: file) }
            let store = try SagaStore(path: file)
            try Sample.start(1, in: store)
        }
    }

    @Test("A reader that looks while the file is being set up sees all of it or nothing")
    func setUpWhileReading() async throws {
        for number in 0..<40 {
            let file = directory.file("data/\(number).sqlite")
            async let owner = runOnDedicatedThread { try SagaStore(path: file) }
            try await runOnDedicatedThread {
                while true {
                    do {
                        _ = try SagaStoreReader(path: file)
                        return
                    } catch is DatabaseNotSetUp {
                    } catch let error as UnusableDatabase where error.description.contains("cannot open") {
                    }
                }
            }
            _ = try await owner
        }
    }

    @Test("A file of the first version can be looked at before a worker has brought it up to date")
    func readingAnOldFile() throws {
        let old = directory.file("old.sqlite")
        do {
            let queue = try DatabaseQueue(path: old)
            try Schema.migrator.migrate(queue, upTo: "orchestrator 1")
            try queue.write {
                try $0.execute(
                    sql: """
                        INSERT INTO dead_letters
                        (at, reason, detail, exchange, routing_key, properties, body, settled_at, settled_as)
                        VALUES (1, 'r', 'd', 'e', 'k', '{}', x'', 1, 'discarded')
                        """)
            }
        }
        chmod(old, 0o600)
        let settled = StoredDeadLetter.Settlement(
            "discarded", at: Timestamp(milliseconds: 1), author: nil, reason: nil)
        #expect(try SagaStoreReader(path: old).read { try $0.deadLetter(1) }?.settlement == settled)
        #expect(try SagaStore(path: old).read { try $0.deadLetter(1) }?.settlement == settled)
    }

    @Test("A file of before is pruned once it has been opened; until then a reader finds nothing pruned in it")
    func pruningAnOldFile() throws {
        let old = directory.file("old.sqlite")
        let id = Sample.id(1)
        do {
            let queue = try DatabaseQueue(path: old)
            try Schema.migrator.migrate(queue, upTo: "orchestrator 4")
            try queue.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO definitions VALUES (:hash, 'shop', 1, '{}', 1);
                        INSERT INTO sagas (id, definition, name, version, key, status, is_paused, steps, sequence,
                            started_at, updated_at, ended_at)
                        VALUES (:id, :hash, 'shop', 1, 'k', 'completed', 0, '', 1, 1, 5, 5);
                        INSERT INTO history (saga, first_sequence, at, format, events) VALUES (:id, 1, 1, 1, '[]');
                        INSERT INTO keys (key, name, again, saga, input_hash) VALUES ('k', 'shop', 0, :id, :hash);
                        """, arguments: ["hash": SHA256.hex([]), "id": id.column])
            }
        }
        chmod(old, 0o600)
        let reader = try SagaStoreReader(path: old)
        #expect(try reader.read { try $0.pruned(id) } == nil)
        #expect(try reader.read { try $0.prunedAbandoned() } == [])
        let store = try SagaStore(path: old)
        #expect(
            try store.write { try $0.prune(endedBefore: Sample.now, after: nil, limit: 9, at: Sample.now) }.sagas == 1)
        #expect(try store.read { try $0.pruned(id) }?.status == .completed)
        #expect(try store.read { try $0.summary(of: id) } == nil)
    }

    @Test("Whoever asks who has the file keeps nobody from opening it")
    func asking() async throws {
        let lock = directory.file("some.lock")
        let times = Mutex(0)
        async let asking: Void = runOnDedicatedThread {
            for _ in 1...3000 {
                _ = FileLock.isHeld(path: lock)
                times.withLock { $0 += 1 }
            }
        }
        try await runOnDedicatedThread {
            while times.withLock({ $0 }) < 3000 { _ = try FileLock(path: lock) }
        }
        try await asking
        let held = try FileLock(path: lock)
        #expect(FileLock.isHeld(path: lock))
        withExtendedLifetime(held) {}
    }

    @Test(
        "F21, F22: what SQLite says of the file, and not of the statement, is storage trouble and has words",
        arguments: [
            ResultCode.SQLITE_FULL, .SQLITE_IOERR, .SQLITE_BUSY, .SQLITE_PROTOCOL, .SQLITE_PERM, .SQLITE_READONLY,
            .SQLITE_CORRUPT, .SQLITE_INTERRUPT,
        ])
    func storageTrouble(code: ResultCode) {
        let error = DatabaseError(resultCode: code)
        #expect(error.isStorageTrouble)
        #expect(error.storageTroubleInWords?.contains("SQLite error") == false)
        #expect(!DatabaseError(resultCode: .SQLITE_CONSTRAINT).isStorageTrouble)
        #expect(DatabaseError(resultCode: .SQLITE_CONSTRAINT).storageTroubleInWords == nil)
    }

    @Test func aNewerVersionsDatabaseIsRefused() throws {
        try SagaStore(path: path).write {
            try $0.db.execute(sql: "INSERT INTO grdb_migrations VALUES ('orchestrator 99')")
        }
        #expect(refusal(path)?.contains("newer version of skald") == true)
    }

    @Test func aWorldReadableOneIsRefusedAndSaysWhatToDo() throws {
        try SagaStore(path: path).write { try $0.setFact("open", to: "no") }
        chmod(path, 0o644)
        #expect(refusal(path)?.contains("chmod 600 \(path)") == true)
        chmod(path, 0o600)
        _ = try SagaStore(path: path)
    }

    @Test func aDirectoryIsNoFile() throws {
        let folder = directory.file("folder.sqlite")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        #expect(refusal(folder)?.contains("is not a file") == true)
    }

    @Test func aReaderSeesWhatTheWriterCommits() throws {
        let store = try SagaStore(path: path)
        let reader = try SagaStoreReader(path: path)
        let state = try Sample.start(1, in: store)
        #expect(try reader.read { try $0.state(of: state.id) } == state)
        #expect(throws: DatabaseError.self) { try reader.read { try $0.db.execute(sql: "DELETE FROM facts") } }
    }

    @Test("Rule 29: a file belongs to one broker, virtual host and shard, and refuses others")
    func claim() throws {
        let store = try SagaStore(path: path)
        // A mistyped address binds nothing while there is no saga.
        try store.claim(transport: "amqp://hots:5672/shop", shard: 0)
        try store.claim(transport: "amqp://host:5672/shop", shard: 0)
        try Sample.start(1, in: store)
        try store.claim(transport: "amqp://host:5672/shop", shard: 0)
        for (transport, shard) in [
            ("amqp://host:5672/other", 0), (StoreTransport.embedded, 0), ("amqp://host:5672/shop", 1),
        ] {
            let error = #expect(throws: UnusableDatabase.self) { try store.claim(transport: transport, shard: shard) }
            #expect(error?.description.hasPrefix("this data directory belongs to ") == true)
        }
        #expect(try store.read { try $0.fact(StoreFact.transport) } == "amqp://host:5672/shop")
        #expect(try store.read { try $0.fact(StoreFact.shard) } == "0 of 1")
    }

    @Test("F21: a full disk changes nothing and can be told from a fault of ours")
    func fullDisk() throws {
        let store = try SagaStore(path: path)
        let state = try Sample.start(1, in: store)
        try store.write { transaction in
            let pages = try Int.fetchOne(transaction.db, sql: "PRAGMA page_count") ?? 0
            try transaction.db.execute(sql: "PRAGMA max_page_count = \(pages)")
        }
        let error = #expect(throws: (any Error).self) {
            try store.write { transaction in
                try transaction.setFact("open", to: "yes")
                for number in Int64(1)...1000 {
                    try transaction.insert(
                        OutboxRow(
                            id: number, saga: nil, command: nil, exchange: "", routingKey: "", isMandatory: false,
                            properties: Array("{}".utf8), body: Array(repeating: 1, count: 10_000)), at: Sample.now)
                }
            }
        }
        #expect(error?.isStorageTrouble == true)
        #expect(try store.read { try $0.fact("open") } == nil)
        #expect(try store.read { try $0.outboxCount() } == 0)
        #expect(try store.read { try $0.state(of: state.id) } == state)
        try store.write { try $0.db.execute(sql: "PRAGMA max_page_count = 1000000") }
        try Sample.start(2, in: store)
        #expect(try store.integrityProblems() == [])
    }
}
