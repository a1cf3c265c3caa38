import GRDB
import SagaBus
import SagaCore
import SagaParticipant
import Testing

@testable import OrderServices

@Suite("Audits: I2, I3")
struct AuditTests {
    let shop: Shop

    init() throws {
        shop = try Shop()
        try shop.receive(#"{"sku": "11", "onHand": 8}"#)
        for (index, card) in [TestCard.visa, .captureDeclined, .captureTimeoutAfter, .declined].enumerated() {
            try shop.placeOrder("order-\(index)", card: card)
        }
    }

    @Test("after orders with every card, returned or not, everything adds up")
    func clean() throws {
        for card in TestCard.allCases where card != .voidRefused { try shop.placeOrder(card.rawValue, card: card) }
        let begun = try shop.action("ledger.begin-return", ["orderId": "order-0"], saga: shop.newSaga())
        let saga = shop.newSaga()
        try shop.action("payment.refund", ["orderId": "order-0", "amount": begun.body["amount"] ?? nil], saga: saga)
        try shop.action("ledger.reverse-sale", ["orderId": "order-0"], saga: saga)
        try shop.action("inventory.restock", ["orderId": "order-0"], saga: saga)
        let report = try shop.audit()
        #expect(report.isCleanAtRest, "\(report.violations + report.unfinished)")
        let standing = try #require(report[figure: "ledger: orders standing"])
        #expect(standing > 0)
        #expect(report[figure: "inventory: units sold"] == standing)
        let (captured, refunded) = (report[figure: "payment: captured"], report[figure: "payment: refunded"])
        #expect(captured == standing * 500 + 500 && refunded == 500)
    }

    @Test(
        "planted corruption is found",
        arguments: [
            (OrderService.inventory, "UPDATE stock SET available = available + 1", "counts are the sums"),
            (.inventory, "UPDATE reservation SET state = 'soft' WHERE state = 'hard'", "what the reservations hold"),
            (.inventory, "DELETE FROM barrier WHERE type = 'inventory.reserve'", "is recorded in the barrier"),
            (.inventory, "UPDATE reservation SET state = 'released' WHERE state = 'hard'", "its stock is not sold"),
            (.payment, "DELETE FROM refund; DELETE FROM capture", "has a capture"),
            (.payment, "UPDATE payment SET state = 'voided' WHERE state = 'captured'", "has a capture"),
            (.payment, "UPDATE payment SET state = 'captured' WHERE state = 'voided'", "the gateway says voided"),
            (.payment, "DELETE FROM payment WHERE state = 'voided'", "recorded in the barrier took effect"),
            (.payment, "UPDATE payment SET amount = amount + 1", "what was captured is what was authorized"),
            (.ledger, "UPDATE sale SET amount = amount + 1", "the accounts hold what the orders say"),
            (
                .ledger,
                "UPDATE sale SET state = 'returned', return_id = entry, return_saga = 1 WHERE state = 'settled'",
                "the books say nothing"
            ),
            (
                .ledger, "DROP TRIGGER journal_line_stays; UPDATE journal_line SET debit = debit + 1 WHERE debit > 0",
                "every entry balances"
            ),
            (.ledger, "DELETE FROM barrier WHERE type = 'ledger.settle'", "is recorded in the barrier"),
        ])
    func corrupted(service: OrderService, sql: String, finding: String) throws {
        try shop[service].database.queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF")
            try db.execute(sql: sql)
        }
        let report = try shop.audit()
        #expect(report.violations.contains { $0.contains(finding) }, "\(report.violations)")
    }

    @Test("the files are audited read-only, while the services run and when they are closed")
    func files() throws {
        let directory = try TemporaryDirectory()
        do {
            let shop = try Shop(in: directory.path)
            try shop.receive(#"{"sku": "11", "onHand": 8}"#)
            #expect(try shop.placeOrder("4711"))
            let running = try MoneyAndStockAudit(reading: directory.path).report(atRest: true)
            #expect(running.isCleanAtRest && running[figure: "ledger: orders standing"] == 1)
        }
        let closed = try MoneyAndStockAudit(reading: directory.path).report(atRest: true)
        #expect(closed.isCleanAtRest && closed[figure: "payment: captured"] == 500)
    }

    @Test("what is left undone is reported at rest, except of sagas that are stuck or abandoned")
    func unfinished() throws {
        let saga = shop.newSaga()
        try shop.action(
            "payment.authorize", ["orderId": "x", "amount": 5, "method": ["type": "card", "token": "tok_visa"]],
            saga: saga)
        try shop.action("ledger.record", ["orderId": "x", "amount": 5], saga: saga)
        let report = try shop.audit()
        #expect(report.violations.isEmpty)
        #expect(report.unfinished.count == 2)
        #expect(try shop.audit(excepting: [saga]).isCleanAtRest)
        #expect(try shop.audit(atRest: false).unfinished.isEmpty)
    }

    @Test("a stuck return may leave money and books apart, for the order it was returning only")
    func stuckReturn() throws {
        let saga = shop.newSaga()
        try shop.action("ledger.begin-return", ["orderId": "order-0"], saga: saga)
        try shop.action("payment.refund", ["orderId": "order-0"], saga: saga)
        #expect(try !shop.audit().isCleanAtRest)
        let report = try shop.audit(excepting: [saga])
        #expect(report.isCleanAtRest, "\(report.violations + report.unfinished)")
    }
}
