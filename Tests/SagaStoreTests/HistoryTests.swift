import GRDB
import SagaCore
import Testing

@testable import SagaStore

@Suite("Histories")
struct HistoryTests {
    private let store: SagaStore

    init() throws { store = try SagaStore() }

    @Test func aStoredHistoryFoldsToTheStateItCameFrom() throws {
        var state = try Sample.start(1, in: store)
        #expect(try store.read { try $0.state(of: state.id) } == state)
        state = try Sample.decide(
            state, Sample.reply(state, "reserve", .succeeded, ["place": "A7", "note": "é\u{1F6D2}\"\\"]),
            at: Sample.now.adding(milliseconds: 10), in: store)
        #expect(try store.read { try $0.state(of: state.id) } == state)
        state = try Sample.decide(
            state, Sample.reply(state, "charge", .failed, ["code": "DECLINED", "message": "no"]),
            at: Sample.now.adding(milliseconds: 20), in: store)
        state = try Sample.decide(
            state, .request(OperatorRequest(id: "r1", verb: .pause, author: "me")),
            at: Sample.now.adding(milliseconds: 30), in: store)
        #expect(try store.read { try $0.state(of: state.id) } == state)
        #expect(state.status == .compensating)
        #expect(state.isPaused)

        let history = try store.read { try $0.history(of: state.id, definition: Sample.definition) }
        #expect(history.map(\.sequence) == Array(1...state.sequence))
        #expect(history.first?.at == Sample.now)
        #expect(history.last?.at == Sample.now.adding(milliseconds: 30))
    }

    @Test func historiesDoNotMix() throws {
        let first = try Sample.start(1, in: store)
        let second = try Sample.start(2, in: store)
        try Sample.decide(first, Sample.reply(first, "reserve", .failed), in: store)
        #expect(try store.read { try $0.state(of: second.id) } == second)
        #expect(try store.read { try $0.state(of: Sample.id(3)) } == nil)
    }

    @Test("F25: a definition is read by its hash; one that cannot be read is INTERNAL")
    func definitions() throws {
        let state = try Sample.start(1, in: store)
        let hash = Sample.definition.contentHash
        #expect(try store.read { try $0.definition(hash: hash) } == Sample.definition)
        #expect(try store.read { try $0.definition(hash: String(repeating: "0", count: 64)) } == nil)
        #expect(try store.read { try $0.openContents(name: "shop", version: 1) } == [hash])
        #expect(try store.read { try $0.openContents(name: "shop", version: 2) } == [])
        try store.write { try $0.db.execute(sql: "UPDATE definitions SET source = '{\"saga\": 1}'") }
        let refusal = #expect(throws: Refusal.self) { try store.read { try $0.state(of: state.id) } }
        #expect(refusal?.code == .internal)
    }

    @Test(arguments: ["UPDATE history SET format = 99", "UPDATE history SET events = '[{\"event\": \"danced\"}]'"])
    func aHistoryOfAnotherVersionIsInternal(_ sql: String) throws {
        let state = try Sample.start(1, in: store)
        try store.write { try $0.db.execute(sql: sql) }
        let refusal = #expect(throws: Refusal.self) { try store.read { try $0.state(of: state.id) } }
        #expect(refusal?.code == .internal)
    }

    @Test func dueSagasComeEarliestFirstAndOnlyOnesThatAreDue() throws {
        for number in 1...4 {
            try Sample.start(number, at: Sample.now.adding(milliseconds: Int64(10 - number)), in: store)
        }
        let timeout: Int64 = 1000
        #expect(try store.read { try $0.nextWake() } == Sample.now.adding(milliseconds: 6 + timeout))
        let due = try store.read { try $0.due(at: Sample.now.adding(milliseconds: 8 + timeout), limit: 10) }
        #expect(due == [4, 3, 2].map(Sample.id))
        #expect(try store.read { try $0.due(at: Sample.now.adding(milliseconds: 8 + timeout), limit: 2) }.count == 2)
        #expect(try store.read { try $0.due(at: Sample.now.adding(milliseconds: 5 + timeout), limit: 2) } == [])
    }

    @Test func timersReadTheirIndex() throws {
        let plan = try store.read { transaction in
            try Row.fetchAll(
                transaction.db,
                sql: "EXPLAIN QUERY PLAN SELECT id FROM sagas WHERE wake_at <= 5 ORDER BY wake_at LIMIT 5"
            ).map { $0["detail"] as String }
        }
        #expect(plan.contains { $0.contains("sagas_due") })
        #expect(!plan.contains { $0.contains("TEMP B-TREE") })
    }

    @Test func anEndedSagaIsNeverDue() throws {
        let state = try Sample.start(1, in: store)
        let abandoned = try Sample.decide(
            state, .request(OperatorRequest(id: "r", verb: .abandon, reason: "test")), in: store)
        #expect(abandoned.status == .abandoned)
        #expect(try store.read { try $0.nextWake() } == nil)
        #expect(try store.read { try $0.openSagaCount() } == 0)
        #expect(try store.read { try $0.openContents(name: "shop", version: 1) } == [])
    }

    @Test func anUnreadableSagaIsShownAsStuckAndKeepsItsHistory() throws {
        let state = try Sample.start(1, in: store)
        try store.write { try $0.markUnreadable(state.id, StepError(code: "INTERNAL", message: "why")) }
        let summary = try store.read { try $0.summary(of: state.id) }
        #expect(summary?.status == .stuck)
        #expect(summary?.errorCode == "INTERNAL")
        #expect(try store.read { try $0.nextWake() } == nil)
        #expect(try store.read { try $0.state(of: state.id) } == state)
    }

    @Test("F24: the greatest time and the greatest id are found again")
    func greatest() throws {
        #expect(try store.read { try $0.lastTime() } == nil)
        #expect(try store.read { try $0.greatestSagaID() } == nil)
        try Sample.start(5, in: store)
        try Sample.start(2, at: Sample.now.adding(milliseconds: 3), in: store)
        #expect(try store.read { try $0.lastTime() } == Sample.now.adding(milliseconds: 3))
        let ahead = SagaID(milliseconds: 5_000_000, shard: 0, sequence: 0)
        try store.write {
            try $0.claimKey(
                "ahead", name: "shop", for: KeyOwner(saga: ahead, inputHash: SHA256.hex([]), again: nil))
        }
        #expect(try store.read { try $0.lastTime() } == SagaID.epoch.adding(milliseconds: 5_000_000))
        try store.write { try $0.db.execute(sql: "DELETE FROM keys WHERE key = 'ahead'") }
        #expect(try store.read { try $0.greatestSagaID() } == Sample.id(5))
    }
}
