import DurableSQLite
import GRDB
import SagaCore
import SagaParticipant

extension Payment {
    /// `{"orderId", "amount", "currency"?, "method": {"type", "token"}}`
    @Sendable static func authorization(_ db: Database, _ context: CommandContext) throws -> PreparedRequest {
        let orderID = try Fields.identifier(context.input["orderId"], at: "orderId")
        let amount = try Fields.money(context.input)
        let method = try Order.PaymentMethod(context.input["method"], at: "method")
        return .request(.authorize(orderID: orderID, amount, token: method.token))
    }

    /// → `{"authorization", "amount", "currency"}`
    @Sendable static func recordAuthorization(
        _ db: Database, _ context: CommandContext, _ approval: Approval
    ) throws -> JSONObject {
        guard case .authorize(let orderID, let amount, _) = approval.request else { throw UnreadableRequest() }
        try db.run(
            """
            INSERT INTO payment (authorization, saga, step, order_id, amount, currency, state, created_at)
            VALUES (?, ?, ?, ?, ?, ?, 'authorized', ?)
            """, approval.id, context.id.saga.column, context.id.step, orderID, amount.minorUnits,
            amount.currency.code, context.now.milliseconds)
        return ["authorization": .string(approval.id), "amount": amount.json, "currency": amount.currencyJSON]
    }

    /// Undoes `payment.authorize`.
    @Sendable static func void(_ db: Database, _ context: CommandContext) throws -> PreparedRequest {
        guard let authorization = context.actionOutput?["authorization"]?.string else {
            return .settled(.noAuthorization)
        }
        return .request(.void(authorization: authorization))
    }

    /// An authorization that has expired by itself counts as undone.
    @Sendable static func recordVoid(
        _ db: Database, _ context: CommandContext, _ approval: Approval
    ) throws -> JSONObject {
        try db.run(
            "UPDATE payment SET state = ? WHERE authorization = ?", approval.isExpired ? "expired" : "voided",
            approval.id)
        return [:]
    }
}
