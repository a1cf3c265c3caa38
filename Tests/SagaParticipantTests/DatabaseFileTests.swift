import DurableSQLite
import GRDB
import Glibc
import SagaBus
import SagaCore
import Testing

@testable import SagaParticipant

@Suite("A participant's database file")
final class DatabaseFileTests {
    let directory: String
    let path: String

    init() throws {
        var template = Array("/tmp/skald-test-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        directory = String(cString: made)
        path = "\(directory)/data/counter.sqlite"
    }

    deinit {
        for name in ["counter.sqlite", "counter.sqlite.lock", "counter.sqlite-wal", "counter.sqlite-shm"] {
            unlink("\(directory)/data/\(name)")
        }
        rmdir("\(directory)/data")
        rmdir(directory)
    }

    private func open(as name: String = "counter", migrations: [Participant.Migration] = []) throws
        -> ParticipantDatabase
    {
        try ParticipantDatabase(
            path: path, for: Participant(name: name, migrations: migrations, handlers: []))
    }

    private func refusal(_ body: () throws -> ParticipantDatabase) -> String {
        (#expect(throws: UnusableDatabase.self) { try body() })?.description ?? ""
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test("is for its owner only, in WAL mode, and every commit is synced")
    func opened() throws {
        let database = try open()
        #expect(mode(directory + "/data") == 0o700)
        #expect(mode(path) == 0o600)
        let settings = try database.queue.writeWithoutTransaction { db in
            try ["synchronous", "journal_mode", "foreign_keys"].map { try String.fetchOne(db, sql: "PRAGMA \($0)") }
        }
        #expect(settings == ["2", "wal", "1"])
        #expect(mode(path + "-wal") == 0o600)
    }

    @Test("F23: a second owner is refused and told who has it")
    func secondOwner() throws {
        let first = try open()
        #expect(refusal { try open() }.contains("pid \(getpid()) on "))
        try first.queue.read { _ in }
    }

    @Test("is free again when its owner goes")
    func reopened() throws {
        do { _ = try open() }
        _ = try open()
    }

    @Test("one that everybody may read is refused, with what to do")
    func worldReadable() throws {
        do { _ = try open() }
        #expect(chmod(path, 0o644) == 0)
        #expect(refusal { try open() }.contains("chmod 600 \(path)"))
    }

    @Test("something that is no database is refused and left alone")
    func notADatabase() throws {
        do { _ = try open() }
        let text = Array(String(repeating: "not a database. ", count: 300).utf8)
        let file = try #require(fopen(path, "w"))
        #expect(fwrite(text, 1, text.count, file) == text.count)
        fclose(file)
        unlink(path + "-wal")
        #expect(refusal { try open() }.contains("is not an SQLite database"))
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_size == text.count)
    }

    @Test("one of a newer version, or of another service, is refused")
    func newer() throws {
        do { _ = try open(migrations: [Participant.Migration("1") { _ in }, Participant.Migration("2") { _ in }]) }
        #expect(refusal { try open(migrations: [Participant.Migration("1") { _ in }]) }.contains("newer version"))
        #expect(refusal { try open(as: "ledger") }.contains("another service"))
    }

    @Test("F22: locked by someone else, nothing is done; unlocked, it is")
    func locked() throws {
        let participant = Participant.counting(through: ScriptedGateway())
        let database = try ParticipantDatabase(path: path, for: participant)
        try database.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA busy_timeout = 0") }
        let core = ParticipantCore(participant: participant, database: database)
        let command = Orchestrator.command("counter.add", step: "count")
        let delivery = Delivery(
            consumer: "c", tag: DeliveryTag(epoch: 1, number: 1), isRedelivered: false, message: command.message())
        let other = try DatabaseQueue(path: path)
        try other.inDatabase { db in
            try db.execute(sql: "BEGIN IMMEDIATE")
            let error = #expect(throws: DatabaseError.self) { try core.process([delivery], now: Story.now) }
            #expect(error?.isStorageTrouble == true)
            try db.execute(sql: "ROLLBACK")
        }
        let reply = try Reply.decode(core.process([delivery], now: Story.now).replies[0].message)
        #expect(reply.outcome == .succeeded)
    }

    @Test("Rule 16: what was committed is there when the file is opened again")
    func persists() throws {
        let participant = Participant.counting(through: ScriptedGateway())
        let command = Orchestrator.command("counter.add", step: "count")
        let delivery = Delivery(
            consumer: "c", tag: DeliveryTag(epoch: 1, number: 1), isRedelivered: false, message: command.message())
        var answers: [Message] = []
        for _ in 1...2 {
            let database = try ParticipantDatabase(path: path, for: participant)
            let core = ParticipantCore(participant: participant, database: database)
            answers += try core.process([delivery], now: Story.now).replies.map(\.message)
        }
        #expect(answers[0] == answers[1])
    }
}
