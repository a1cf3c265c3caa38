import DurableSQLite
import GRDB
import SagaBus
import SagaCore
import SagaParticipant
import Testing

@testable import OrderServices

@Suite("Payment")
struct PaymentTests {
    let shop: Shop

    init() throws { shop = try Shop() }

    private func order(_ card: TestCard, id: String = "4711") -> JSONValue {
        ["orderId": .string(id), "amount": 500, "method": ["type": "card", "token": .string(card.rawValue)]]
    }

    private func state(of saga: SagaID) throws -> String? {
        try shop[.payment].database.queue.read { db in
            try String.fetchOne(
                db, sql: "SELECT state FROM payment WHERE saga = ?", arguments: [Int64(bitPattern: saga.rawValue)])
        }
    }

    private func atGateway(_ sql: String) throws -> [String] {
        try #require(try shop[.payment].gateway).database.queue.read { try String.fetchAll($0, sql: sql) }
    }

    private func expectSound() throws {
        #expect(try shop.audit(atRest: true).violations.isEmpty)
    }

    @Test(
        "cards that are refused",
        arguments: [
            (TestCard.declined, "CARD_DECLINED"), (.insufficientFunds, "INSUFFICIENT_FUNDS"),
            (.expiredCard, "CARD_EXPIRED"),
        ])
    func refused(card: TestCard, code: String) throws {
        let saga = shop.newSaga()
        let reply = try shop.action("payment.authorize", order(card), saga: saga)
        #expect(reply.outcome == .failed && reply.body["code"]?.string == code)
        #expect(try state(of: saga) == nil)
        #expect(try shop.compensate("payment.void", of: "payment.authorize", saga: saga).outcome == .succeeded)
        try expectSound()
    }

    @Test("a token the gateway does not know")
    func unknownToken() throws {
        let reply = try shop.action(
            "payment.authorize", ["orderId": 1, "amount": 1, "method": ["type": "card", "token": "tok_mine"]],
            saga: shop.newSaga())
        #expect(reply.body["code"] == "TOKEN_UNKNOWN")
    }

    @Test("bad amounts never reach the gateway", arguments: ["0.1", "0", "-5", "9223372036854775808", "\"5\""])
    func badAmount(text: String) throws {
        let amount = try JSONValue.parse(text)
        let reply = try shop.action(
            "payment.authorize", ["orderId": 1, "amount": amount, "method": ["type": "card", "token": "tok_visa"]],
            saga: shop.newSaga())
        #expect(reply.outcome == .failed)
        #expect(reply.body["code"]?.string?.hasPrefix("MONEY_") == true)
        #expect(try atGateway("SELECT key FROM request").isEmpty)
    }

    @Test(
        "F7, rule 18: the gateway times out before or after the effect: asked again, it takes effect once",
        arguments: [TestCard.timeoutBefore, .timeoutAfter])
    func timeout(card: TestCard) throws {
        let saga = shop.newSaga()
        #expect(try shop.action("payment.authorize", order(card), saga: saga, attempt: 1).outcome == .retry)
        #expect(try shop.action("payment.authorize", order(card), saga: saga, attempt: 2).outcome == .succeeded)
        #expect(try atGateway("SELECT id FROM authorization").count == 1)
        #expect(try state(of: saga) == "authorized")
    }

    @Test(
        "Rule 18: a compensation after a timeout settles the call first, then undoes what it left",
        arguments: [TestCard.timeoutBefore, .timeoutAfter, .timeoutThenDeclined])
    func compensationAfterTimeout(card: TestCard) throws {
        let saga = shop.newSaga()
        #expect(try shop.action("payment.authorize", order(card), saga: saga).outcome == .retry)
        let first = try shop.compensate("payment.void", of: "payment.authorize", saga: saga, attempt: 1)
        #expect(first.outcome == .retry)
        let second = try shop.compensate("payment.void", of: "payment.authorize", saga: saga, attempt: 2)
        #expect(second.outcome == .succeeded)
        let expected = card == .timeoutThenDeclined ? [] : ["voided"]
        #expect(try atGateway("SELECT state FROM authorization") == expected)
        try expectSound()
    }

    @Test("a new round after a decline is a new request")
    func failThenSucceed() throws {
        let saga = shop.newSaga()
        #expect(try shop.action("payment.authorize", order(.failThenSucceed), saga: saga).outcome == .failed)
        #expect(
            try shop.action("payment.authorize", order(.failThenSucceed), saga: saga, round: 2).outcome == .succeeded)
    }

    @Test("Rule 22: a successor saga for the same order is paid for itself")
    func successor() throws {
        let (first, second) = (shop.newSaga(), shop.newSaga())
        _ = try shop.action("payment.authorize", order(.visa), saga: first)
        _ = try shop.compensate("payment.void", of: "payment.authorize", saga: first)
        #expect(try shop.action("payment.authorize", order(.visa), saga: second).outcome == .succeeded)
        #expect(try state(of: first) == "voided")
        #expect(try state(of: second) == "authorized")
    }

    @Test(
        "capture takes what was authorized, also when its answer is lost",
        arguments: [TestCard.visa, .captureTimeoutBefore, .captureTimeoutAfter])
    func capture(card: TestCard) throws {
        let saga = shop.newSaga()
        let authorized = try shop.action("payment.authorize", order(card), saga: saga)
        let body: JSONValue = ["authorization": authorized.body["authorization"] ?? nil]
        var captured = try shop.action("payment.capture", body, saga: saga, attempt: 1)
        if card != .visa {
            #expect(captured.outcome == .retry)
            captured = try shop.action("payment.capture", body, saga: saga, attempt: 2)
        }
        #expect(captured.outcome == .succeeded && captured.body["amount"] == 500)
        #expect(try atGateway("SELECT amount || ' ' || refunded FROM capture") == ["500 0"])
        #expect(try state(of: saga) == "captured")
    }

    @Test("an authorization that has expired cannot be captured, and its expiry counts as the undo (I4)")
    func expiredAuthorization() throws {
        let saga = shop.newSaga()
        let authorized = try shop.action("payment.authorize", order(.expiredAuthorization), saga: saga)
        let captured = try shop.action(
            "payment.capture", ["authorization": authorized.body["authorization"] ?? nil], saga: saga)
        #expect(captured.body["code"] == "AUTHORIZATION_EXPIRED")
        #expect(try shop.compensate("payment.void", of: "payment.authorize", saga: saga).outcome == .succeeded)
        #expect(try state(of: saga) == "expired")
        try expectSound()
    }

    @Test("Rule 9: a void that is refused stays refused until the next round")
    func voidRefused() throws {
        let saga = shop.newSaga()
        _ = try shop.action("payment.authorize", order(.voidRefused), saga: saga)
        let refused = try shop.compensate("payment.void", of: "payment.authorize", saga: saga)
        #expect(refused.outcome == .failed && refused.body["code"] == "VOID_REFUSED")
        #expect(try state(of: saga) == "authorized")
    }

    @Test(
        "refunds: all of it by order, no more than was captured, once for each saga",
        arguments: [TestCard.visa, .refundTimeout])
    func refund(card: TestCard) throws {
        try shop.receive(#"{"sku": "11", "onHand": 10}"#)
        #expect(try shop.placeOrder("4711", card: card))
        let saga = shop.newSaga()
        var refund = try shop.action("payment.refund", ["orderId": "4711"], saga: saga, attempt: 1)
        if card == .refundTimeout {
            #expect(refund.outcome == .retry)
            refund = try shop.action("payment.refund", ["orderId": "4711"], saga: saga, attempt: 2)
        }
        #expect(refund.outcome == .succeeded && refund.body["amount"] == 500)
        #expect(try atGateway("SELECT amount || ' ' || refunded FROM capture") == ["500 500"])
        let again = try shop.action("payment.refund", ["orderId": "4711", "amount": 1], saga: shop.newSaga())
        #expect(again.body["code"] == "REFUND_TOO_LARGE")
        let foreign = try shop.action(
            "payment.refund", ["orderId": "4711", "currency": "JPY"], saga: shop.newSaga())
        #expect(foreign.body["code"] == "MONEY_MISMATCH")
        let unknown = try shop.action("payment.refund", ["orderId": "0815"], saga: shop.newSaga())
        #expect(unknown.body["code"] == "CAPTURE_UNKNOWN")
    }

    @Test("the gateway: same key, same answer; same key, other parameters, an error")
    func keys() throws {
        let gateway = try TestGateway(path: nil)
        let euro = try #require(Currency(code: "EUR"))
        func ask(_ units: Int64) -> GatewayAnswer {
            gateway.perform(
                .authorize(orderID: "1", Money(minorUnits: units, currency: euro), token: "tok_visa"), key: "k")
        }
        let first = ask(5)
        #expect(first == .approved(id: "auth_1"))
        #expect(ask(5) == first)
        guard case .refused(code: "KEY_REUSED", _) = ask(6) else {
            Issue.record("the gateway takes a key for two requests")
            return
        }
    }

    @Test(
        "F1, F2, F3, rule 18: killed between the phases, reopened from the file, it settles with the same key",
        arguments: [false, true])
    func crash(callWasMade: Bool) throws {
        let directory = try TemporaryDirectory()
        let shop = try Shop(in: directory.path)
        let saga = shop.newSaga()
        do {
            let outcome = try shop.begin("payment.authorize", order(.visa), saga: saga)
            #expect(outcome.calls.count == 1)
            if callWasMade { _ = outcome.calls[0].perform() }
        }
        try shop.crash(.payment)
        #expect(try shop.compensate("payment.void", of: "payment.authorize", saga: saga, attempt: 1).outcome == .retry)
        #expect(
            try shop.compensate("payment.void", of: "payment.authorize", saga: saga, attempt: 2).outcome == .succeeded)
        let report = try shop.audit()
        #expect(report.isCleanAtRest, "\(report.violations + report.unfinished)")
        #expect(report[figure: "payment: authorizations"] == 1)
    }
}
