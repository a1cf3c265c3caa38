import DurableSQLite
import GRDB
import SagaCore
import Synchronization
import Testing

@testable import SagaStore

@Suite("Pruning: what goes and what stays")
struct PruningTests {
    private let store: SagaStore
    private static let now = Sample.now.adding(milliseconds: 5000)
    private let horizon = Sample.now.adding(milliseconds: 10)

    init() throws { store = try SagaStore() }

    /// A saga that an operator has abandoned so long after ``Sample/now``.
    @discardableResult
    private func ended(_ number: Int, after milliseconds: Int64 = 0) throws -> SagaID {
        let state = try Sample.start(number, in: store)
        let abandon = OperatorRequest(id: "r", verb: .abandon, reason: "test")
        return try Sample.decide(
            state, .request(abandon), at: Sample.now.adding(milliseconds: milliseconds), in: store
        ).id
    }

    private func prune(
        after: SagaID? = nil, limit: Int = 100, keeping isKept: (SagaID) -> Bool = { _ in false }
    ) throws -> PrunedPiece {
        try store.write {
            try $0.prune(endedBefore: horizon, after: after, limit: limit, at: Self.now, keeping: isKept)
        }
    }

    private var sagas: [SagaID] { get throws { try store.read { try $0.sagaIDs() } } }

    private func count(_ table: String) throws -> Int {
        try store.read { try Int.fetchOne($0.db, sql: "SELECT count(*) FROM \(table)") } ?? -1
    }

    @Test("Rule 22: row and history go, key, id and final status stay; what ended at the bound, or not at all, stays")
    func bound() throws {
        let open = try Sample.start(2, in: store).id
        let (gone, just, at) = (try ended(1), try ended(3, after: 9), try ended(4, after: 10))
        let (rows, keys) = (try count("history"), try count("keys"))
        let piece = try prune()
        #expect(piece.sagas == 2)
        #expect(!piece.hasMore && piece.after == nil)
        #expect(try sagas == [open, at])
        #expect(try count("history") == rows - 4)
        #expect(try store.read { try $0.state(of: gone) } == nil)
        #expect(try count("keys") == keys)
        #expect(try store.read { try $0.owner(ofKey: "order-1", name: "shop") }?.saga == gone)
        let kept = PrunedSaga(id: gone, name: "shop", key: "order-1", status: .abandoned, endedAt: Sample.now)
        #expect(try store.read { try $0.pruned(gone) } == kept)
        #expect(try store.read { try $0.pruned(just) }?.endedAt == Sample.now.adding(milliseconds: 9))
        #expect(try store.read { try $0.pruned(open) } == nil)
        #expect(try store.read { try $0.pruned(at) } == nil)
        #expect(try store.integrityProblems() == [])
        #expect(try prune().sagas == 0)
    }

    @Test("A piece is bounded, also in what it looks at, and the walk passes over sagas that stay")
    func pieces() throws {
        for number in 1...9 { try Sample.start(number, in: store) }
        for number in 10...14 { try ended(number) }
        let first = try prune(limit: 2)
        #expect(first.sagas == 0)
        #expect(first.hasMore && first.after == Sample.id(8))
        var sizes: [Int] = []
        var piece = first
        while piece.hasMore {
            piece = try prune(after: piece.after, limit: 2)
            sizes.append(piece.sagas)
        }
        #expect(sizes == [2, 2, 1])
        #expect(try sagas == (1...9).map(Sample.id))
    }

    @Test("What is to be kept is passed over")
    func kept() throws {
        let (first, second) = (try ended(1), try ended(2))
        #expect(try prune(keeping: { $0 == first }).sagas == 1)
        #expect(try sagas == [first])
        #expect(try store.read { try $0.pruned(second) } != nil)
    }

    @Test("Settled dead letters and old answers go, open dead letters stay, and those of a pruned saga too")
    func rest() throws {
        let saga = try ended(1)
        try store.write { transaction in
            for _ in 1...4 {
                try transaction.addDeadLetter(
                    at: Sample.now, reason: "r", detail: "d", saga: saga, exchange: "e", routingKey: "k",
                    properties: Array("{}".utf8), body: [])
            }
            for (letter, time) in [(1, 0), (2, 9), (3, 10)] as [(Int64, Int64)] {
                try transaction.settle(
                    letter,
                    StoredDeadLetter.Settlement(
                        "discarded", at: Sample.now.adding(milliseconds: time), author: nil, reason: nil))
                try transaction.keepAnswer(
                    "done", toRequest: "request-\(letter)", at: Sample.now.adding(milliseconds: time))
            }
        }
        #expect(try store.read { try $0.countOfRest(before: horizon) } == (2, 2))
        let piece = try prune(limit: 1)
        #expect(piece.deadLetters == 1 && piece.answers == 1 && piece.hasMore)
        let next = try prune(limit: 1)
        #expect(next.deadLetters == 1 && next.answers == 1)
        let letters = try store.read { try $0.deadLetters(includingSettled: true, limit: 10) }
        #expect(letters.map(\.id) == [4, 3])
        #expect(letters.map(\.saga) == [saga, saga])
        #expect(try store.read { try $0.answer(toRequest: "request-2") } == nil)
        #expect(try store.read { try $0.answer(toRequest: "request-3") } == "done")
    }

    @Test("Whether an operator's word settled it is kept: the books may say otherwise")
    func exceptions() throws {
        let (abandoned, settled, other) = (try ended(1), try ended(2), try ended(3))
        try store.write { transaction in
            try transaction.db.execute(
                sql: "UPDATE sagas SET status = 'compensated' WHERE id IN (?, ?)",
                arguments: [settled.column, other.column])
            try transaction.db.execute(
                sql: #"UPDATE history SET events = '[{"event":"resolved"}]' WHERE saga = ?"#,
                arguments: [settled.column])
        }
        #expect(try prune().sagas == 3)
        #expect(try store.read { try $0.prunedAbandoned() } == [abandoned])
        #expect(try store.read { try $0.sagasSettledByOperators() } == [settled])
    }

    @Test("No piece reads more than its part of the file")
    func plans() throws {
        try ended(1)
        let executed = Mutex<Set<String>>([])
        try store.write { transaction in
            transaction.db.trace { event in
                if case .statement(let statement) = event { _ = executed.withLock { $0.insert(statement.expandedSQL) } }
            }
            defer { transaction.db.trace(options: []) }
            _ = try transaction.prune(endedBefore: horizon, after: nil, limit: 100, at: Self.now)
        }
        // What begins so is a trigger's, whose statement is there as well.
        let statements = executed.withLock { $0 }.filter { !$0.hasPrefix("--") }
        let tables = ["FROM sagas", "FROM history", "FROM dead_letters", "FROM request_answers", "INTO pruned"]
        for table in tables {
            #expect(statements.contains { $0.contains(table) }, "\(table) is among what is looked at")
        }
        for statement in statements {
            let plan = try store.read { view in
                try Row.fetchAll(view.db, sql: "EXPLAIN QUERY PLAN " + statement).map { $0["detail"] as String }
            }
            #expect(!plan.contains { $0.hasPrefix("SCAN") || $0.contains("TEMP B-TREE") }, "\(statement): \(plan)")
        }
    }

    @Test("F1: what throws after a piece was pruned leaves nothing half pruned")
    func undone() throws {
        struct Planted: Error {}
        let saga = try ended(1)
        let state = try store.read { try $0.state(of: saga) }
        #expect(throws: Planted.self) {
            try store.write {
                _ = try $0.prune(endedBefore: horizon, after: nil, limit: 100, at: Self.now)
                throw Planted()
            }
        }
        #expect(try store.read { try $0.state(of: saga) } == state)
        #expect(try store.read { try $0.pruned(saga) } == nil)
    }

    @Test("F24: what has been pruned sets back neither the time nor the ids")
    func greatest() throws {
        let saga = try ended(7)
        #expect(try prune().sagas == 1)
        #expect(try store.read { try $0.lastTime() } == Self.now)
        #expect(try store.read { try $0.greatestSagaID() } == saga)
        #expect(try store.read { try !$0.hasNoSagas() })
    }
}
