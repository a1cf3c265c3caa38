import DurableSQLite
import GRDB
import SagaCore
import SagaParticipant

extension Payment {
    /// `{"authorization"}`: takes all that was authorized.
    @Sendable static func capture(_ db: Database, _ context: CommandContext) throws -> PreparedRequest {
        let authorization = try Fields.identifier(context.input["authorization"], at: "authorization")
        let authorized = try db.firstRow(
            "SELECT amount, currency FROM payment WHERE authorization = ?", authorization
        ) { row in
            Currency(code: row.text(1)).map { Money(minorUnits: row.int64(0), currency: $0) }
        }
        guard let amount = authorized ?? nil else { return .settled(.noAuthorization) }
        return .request(.capture(authorization: authorization, amount))
    }

    /// → `{"capture", "amount", "currency"}`
    @Sendable static func recordCapture(
        _ db: Database, _ context: CommandContext, _ approval: Approval
    ) throws -> JSONObject {
        guard case .capture(let authorization, let amount) = approval.request else { throw UnreadableRequest() }
        try db.run(
            "INSERT INTO capture (id, authorization, saga, step, amount, captured_at) VALUES (?, ?, ?, ?, ?, ?)",
            approval.id, authorization, context.id.saga.column, context.id.step, amount.minorUnits,
            context.now.milliseconds)
        try db.run("UPDATE payment SET state = 'captured' WHERE authorization = ?", authorization)
        return ["capture": .string(approval.id), "amount": amount.json, "currency": amount.currencyJSON]
    }
}
