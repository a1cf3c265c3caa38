import GRDB
import SagaBus
import SagaCore
import SagaParticipant
import Testing

@testable import OrderServices

@Suite("Ledger")
struct LedgerTests {
    let shop: Shop

    init() throws { shop = try Shop() }

    private func balances() throws -> [String: Int64] {
        try shop[.ledger].database.queue.read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT account, sum(debit) - sum(credit) FROM journal_line GROUP BY account")
            return Dictionary(uniqueKeysWithValues: rows.map { ($0[0], $0[1]) })
        }
    }

    private func record(_ saga: SagaID, _ order: JSONValue = "4711") throws -> Reply {
        try shop.action("ledger.record", ["orderId": order, "amount": 500, "currency": "EUR"], saga: saga)
    }

    private func settle(_ recorded: Reply, _ saga: SagaID) throws -> Reply {
        try shop.action(
            "ledger.settle", ["entry": recorded.body["entry"] ?? nil, "capture": "cap_1"], saga: saga)
    }

    private func expectSound() throws {
        let report = try shop[.ledger].database.queue.read { try Ledger.audit.report($0) }
        #expect(report.violations.isEmpty)
    }

    @Test("record and settle")
    func settled() throws {
        let saga = shop.newSaga()
        let recorded = try record(saga)
        #expect(try balances() == ["receivable": 500, "deferred-revenue": -500])
        #expect(try settle(recorded, saga).outcome == .succeeded)
        #expect(
            try balances() == ["receivable": 0, "deferred-revenue": 0, "card-clearing": 500, "revenue": -500])
        try expectSound()
    }

    @Test("a reversal is a new entry")
    func reversed() throws {
        let saga = shop.newSaga()
        _ = try record(saga)
        #expect(try shop.compensate("ledger.reverse", of: "ledger.record", saga: saga).outcome == .succeeded)
        #expect(try balances() == ["receivable": 0, "deferred-revenue": 0])
        #expect(
            try shop[.ledger].database.queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM journal_entry") }
                == 2)
        try expectSound()
    }

    @Test("only what was recorded can be settled, and only once")
    func wrongState() throws {
        let saga = shop.newSaga()
        let recorded = try record(saga)
        _ = try settle(recorded, saga)
        #expect(try settle(recorded, shop.newSaga()).body["code"] == "ORDER_SETTLED")
        let unknown = try shop.action("ledger.settle", ["entry": 99, "capture": "c"], saga: shop.newSaga())
        #expect(unknown.body["code"] == "ENTRY_UNKNOWN")
    }

    @Test("a return begins only with a settled order, one at a time")
    func beginReturn() throws {
        func begin() throws -> Reply {
            try shop.action("ledger.begin-return", ["orderId": "4711"], saga: shop.newSaga())
        }
        #expect(try begin().body["code"] == "ORDER_UNKNOWN")
        let saga = shop.newSaga()
        let recorded = try record(saga)
        #expect(try begin().body["code"] == "ORDER_NOT_SETTLED")
        _ = try settle(recorded, saga)
        let begun = try begin()
        #expect(begun.body["amount"] == 500 && begun.body["currency"] == "EUR" && begun.body["capture"] == "cap_1")
        #expect(begun.body["saga"] == .string(saga.description))
        #expect(try begin().body["code"] == "RETURN_UNDERWAY")
        let returned = try shop.action(
            "ledger.reverse-sale", ["orderId": "4711", "return": begun.body["return"] ?? nil], saga: shop.newSaga())
        #expect(returned.outcome == .succeeded)
        #expect(try begin().body["code"] == "ORDER_RETURNED")
        #expect(try balances()["revenue"] == 0)
        try expectSound()
    }

    @Test("a return that was given up leaves the order settled")
    func cancelReturn() throws {
        let (saga, first) = (shop.newSaga(), shop.newSaga())
        _ = try settle(record(saga), saga)
        _ = try shop.action("ledger.begin-return", ["orderId": "4711"], saga: first)
        #expect(
            try shop.compensate("ledger.cancel-return", of: "ledger.begin-return", saga: first).outcome == .succeeded)
        #expect(
            try shop.action("ledger.begin-return", ["orderId": "4711"], saga: shop.newSaga()).outcome == .succeeded)
    }

    @Test(
        "the schema refuses an entry that does not balance, and any change",
        arguments: [
            "INSERT INTO journal_line VALUES (9, 1, 'revenue', 'EUR', 5, 0), (9, 2, 'receivable', 'EUR', 0, 4); "
                + "INSERT INTO journal_entry VALUES (9, 'record', 1, 's', 'o', 0)",
            "INSERT INTO journal_line VALUES (9, 1, 'revenue', 'EUR', 5, 0), (9, 2, 'receivable', 'JPY', 0, 5); "
                + "INSERT INTO journal_entry VALUES (9, 'record', 1, 's', 'o', 0)",
            "INSERT INTO journal_entry VALUES (9, 'record', 1, 's', 'o', 0)",
            "INSERT INTO journal_line VALUES (9, 1, 'revenue', 'EUR', 5, 0), (9, 2, 'receivable', 'EUR', 0, 5)",
            "INSERT INTO journal_line VALUES (1, 3, 'revenue', 'EUR', 5, 0)",
            "UPDATE journal_line SET debit = debit + 1 WHERE debit > 0",
            "DELETE FROM journal_line", "DELETE FROM journal_entry", "UPDATE journal_entry SET at = 1",
        ])
    func schema(sql: String) throws {
        _ = try record(shop.newSaga())
        let queue = try shop[.ledger].database.queue
        #expect(throws: DatabaseError.self) { try queue.write { try $0.execute(sql: sql) } }
        #expect(try balances() == ["receivable": 500, "deferred-revenue": -500])
    }
}
