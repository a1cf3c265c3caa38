import DurableSQLite
import GRDB
import SagaCore
import SagaParticipant

extension Payment {
    /// `{"authorization"}`: takes all that was authorized.
    @Sendable static func capture(_ db: Database, _ context: CommandContext) throws -> PreparedRequest {
        let authorization = try Fields.identifier(context.input["authorization"], at: "authorization")
        let row = try Row.fetchOne(
            db, cachedSQL: "SELECT amount, currency FROM payment WHERE authorization = ?", arguments: [authorization])
        guard let row, let currency = Currency(code: row[1]) else { return .settled(.noAuthorization) }
        return .request(.capture(authorization: authorization, Money(minorUnits: row[0], currency: currency)))
    }

    /// → `{"capture", "amount", "currency"}`
    @Sendable static func recordCapture(
        _ db: Database, _ context: CommandContext, _ approval: Approval
    ) throws -> JSONObject {
        guard case .capture(let authorization, let amount) = approval.request else { throw UnreadableRequest() }
        try db.execute(
            cachedSQL: """
                INSERT INTO capture (id, authorization, saga, step, amount, captured_at) VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                approval.id, authorization, context.id.saga.column, context.id.step, amount.minorUnits,
                context.now.milliseconds,
            ])
        try db.execute(
            cachedSQL: "UPDATE payment SET state = 'captured' WHERE authorization = ?", arguments: [authorization])
        return ["capture": .string(approval.id), "amount": amount.json, "currency": amount.currencyJSON]
    }
}
