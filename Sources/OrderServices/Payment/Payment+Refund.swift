import DurableSQLite
import GRDB
import SagaCore
import SagaParticipant

extension Payment {
    /// `{"orderId"}` or `{"capture"}`, and an `amount` unless all of it is meant.
    @Sendable static func refund(_ db: Database, _ context: CommandContext) throws -> PreparedRequest {
        let capture = try Fields.optionalIdentifier(context.input["capture"], at: "capture")
        let orderID = try Fields.optionalIdentifier(context.input["orderId"], at: "orderId")
        guard capture != nil || orderID != nil else { throw Fields.missing("orderId") }
        let row = try Row.fetchOne(
            db,
            cachedSQL: """
                SELECT capture.id, payment.currency,
                    capture.amount - (SELECT coalesce(sum(amount), 0) FROM refund WHERE capture = capture.id) AS rest
                FROM capture JOIN payment USING (authorization)
                WHERE (capture.id = :capture OR :capture IS NULL)
                    AND (payment.order_id = :order OR :order IS NULL)
                ORDER BY rest = 0, capture.captured_at DESC
                """, arguments: ["capture": capture, "order": orderID])
        guard let row, let currency = Currency(code: row["currency"]) else {
            return .settled(.failed(code: "CAPTURE_UNKNOWN", message: "nothing was captured for this order"))
        }
        guard try context.input["currency"].map({ try Fields.currency($0, at: "currency") }) ?? currency == currency
        else {
            return .settled(.failed(code: "MONEY_MISMATCH", message: "the order was paid in another currency"))
        }
        let rest: Int64 = row["rest"]
        let wanted = try context.input["amount"].map { value in try Money.amount(value, at: "amount") } ?? rest
        guard wanted > 0, wanted <= rest else {
            return .settled(
                .failed(code: "REFUND_TOO_LARGE", message: "that much was not captured, or is refunded already"))
        }
        let amount = Money(minorUnits: wanted, currency: currency)
        return .request(.refund(capture: row["id"], amount))
    }

    /// → `{"refund", "capture", "amount", "currency"}`
    @Sendable static func recordRefund(
        _ db: Database, _ context: CommandContext, _ approval: Approval
    ) throws -> JSONObject {
        guard case .refund(let capture, let amount) = approval.request else { throw UnreadableRequest() }
        try db.run(
            "INSERT INTO refund (id, capture, saga, step, amount, refunded_at) VALUES (?, ?, ?, ?, ?, ?)", approval.id,
            capture, context.id.saga.column, context.id.step, amount.minorUnits, context.now.milliseconds)
        return [
            "refund": .string(approval.id), "capture": .string(capture), "amount": amount.json,
            "currency": amount.currencyJSON,
        ]
    }
}
