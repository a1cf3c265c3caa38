import DurableSQLite
import GRDB
import SagaBus
import SagaCore
import Synchronization
import Testing

@testable import SagaEngine
@testable import SagaStore

/// However many sagas a file holds, open and ended, no statement of a worker goes through all of them.
@Suite("Query plans")
struct QueryPlanTests {
    /// Tables that grow with every saga, or with what goes wrong.
    private static let growing: Set = [
        "sagas", "history", "keys", "pruned", "dead_letters", "request_answers", "outbox", "suspects",
    ]

    /// Statements of a store while `body` runs, each once.
    private static func statements(of store: SagaStore, while body: () throws -> Void) throws -> [String] {
        let found = Mutex<Set<String>>([])
        store.queue.inDatabase { db in
            db.trace { event in
                guard case .statement(let statement) = event else { return }
                found.withLock { _ = $0.insert(statement.sql) }
            }
        }
        defer { store.queue.inDatabase { $0.trace(options: []) } }
        try body()
        return found.withLock { $0 }.filter { sql in
            // The last of them is the tests' own look at the outbox.
            ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains { sql.hasPrefix($0) }
                && sql != "SELECT * FROM outbox ORDER BY id"
        }.sorted()
    }

    /// What a plan goes through from one end to the other.
    private static func scans(_ sql: String, in store: SagaStore) throws -> [String] {
        let plan = try store.read { view in
            let statement = try view.db.makeStatement(sql: "EXPLAIN QUERY PLAN \(sql)")
            // It is not executed: the places for values stay empty.
            statement.setUncheckedArguments(StatementArguments())
            return try Row.fetchAll(statement).map { $0["detail"] as String }
        }
        // The first of them is all that is read.
        if sql.hasSuffix("LIMIT 1"), !plan.contains(where: { $0.contains("TEMP B-TREE") }) { return [] }
        return plan.filter { line in
            guard line.hasPrefix("SCAN ") else { return false }
            let words = line.split(separator: " ")
            return growing.contains(String(words[1])) && words.last != "sagas_open"
        }
    }

    /// All that an engine does, with every kind of input.
    private static func work(_ shop: Shop) throws {
        func completed(_ order: JSONValue) throws -> SagaID {
            let saga = try shop.started(order)
            for step in ["reserve", "charge", "ship"] { try shop.process(shop.reply(saga, step, .succeeded)) }
            try shop.confirmAll()
            return saga
        }
        let first = try completed("1")
        try shop.process(shop.start("1", id: "start-1"), shop.start("1", amount: 7, id: "other"))
        // Late, unknown, and none at all.
        try shop.process(shop.reply(first, "reserve", .succeeded))
        let unknown = SagaID(milliseconds: 1, shard: 0, sequence: 1)
        try shop.process(shop.reply(unknown, "reserve", .succeeded))
        try shop.process(shop.delivery(.replies, Message(exchange: "", routingKey: "", properties: .init(), body: [])))
        // Backward, by a refusal and by a timer.
        let refused = try shop.started("2")
        try shop.process(shop.reply(refused, "reserve", .succeeded))
        try shop.process(shop.reply(refused, "charge", .failed, ["code": "DECLINED"]))
        let silent = try shop.started("3")
        try shop.wake(after: 1500)
        for verb in ["pause", "resume", "cancel", "abandon"] {
            try shop.process(shop.request(verb, of: silent, ["reason": "test"], id: verb))
        }
        try shop.process(shop.start("3", id: "again", again: silent))
        try shop.process(shop.request("replay", ["deadLetter": 1], id: "replay"))
        try shop.process(shop.request("discard", ["deadLetter": 2, "reason": "test"], id: "discard"))
        try shop.process(shop.request("discard", ["deadLetter": 9, "reason": "test"], id: "none"))
        _ = try shop.suspect(shop.start("4", id: "suspect"))
        // No queue takes a command; a participant does not answer.
        _ = try shop.started("5")
        for order in 10..<20 { _ = try shop.started(.number(JSONNumber(Int64(order)))) }
        try shop.returned(Array(try shop.outbox.prefix(1)))
        for _ in 0..<5 { try shop.wake(after: 10_000) }
        #expect(!shop.core.breakers.isEmpty)
        // An input that cannot be handled makes the others run singly.
        try shop.tamper("UPDATE history SET events = 'broken' WHERE saga = \(refused.column)")
        shop.core.cache.removeAll()
        try shop.process(shop.reply(refused, "reserve", .succeeded, kind: .compensation))
        shop.now = shop.now.adding(milliseconds: 100 * 86_400_000)
        let horizon = shop.now.adding(milliseconds: -90 * 86_400_000)
        #expect(try shop.core.prune(endedBefore: horizon, after: nil, at: shop.now).sagas > 0)
        try shop.process(shop.start("1", id: "start-1"), shop.reply(first, "reserve", .succeeded))
    }

    @Test("no statement of the engine at work goes through a table that grows")
    func atWork() throws {
        let shop = try Shop()
        let statements = try Self.statements(of: shop.store) { try Self.work(shop) }
        #expect(statements.count > 30)
        for sql in statements {
            let scans = try Self.scans(sql, in: shop.store)
            #expect(scans.isEmpty, "\(scans): \(sql)")
        }
    }

    @Test("a start goes through nothing but the outbox and the sagas that are open")
    func atTheStart() throws {
        let shop = try Shop()
        try Self.work(shop)
        let statements = try Self.statements(of: shop.store) {
            try shop.store.claim(transport: "amqp://here", shard: 0)
            _ = try shop.store.read { try $0.lastTime() }
            try shop.restart()
            _ = try shop.core.load([Shop.definition])
            _ = try shop.core.nextUnread(limit: 100)
            try shop.store.write { try $0.setFact(StoreFact.isOpen, to: "yes") }
        }
        #expect(statements.count >= 8)
        for sql in statements where !sql.hasSuffix("FROM outbox ORDER BY id") {
            let scans = try Self.scans(sql, in: shop.store)
            #expect(scans.isEmpty, "\(scans): \(sql)")
        }
    }

    @Test func aScanIsSeen() throws {
        let store = try SagaStore()
        #expect(try Self.scans("SELECT count(*) FROM sagas WHERE rollback = ?", in: store) == ["SCAN sagas"])
        #expect(try Self.scans("SELECT id FROM sagas ORDER BY key LIMIT 1", in: store) == ["SCAN sagas"])
        #expect(try Self.scans("SELECT id FROM sagas WHERE id = ?", in: store).isEmpty)
    }
}
