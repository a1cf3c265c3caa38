import DurableSQLite
import GRDB
import SagaCore
import SagaParticipant

extension Ledger {
    /// `{"orderId"}` → `{"return", "orderId", "amount", "currency", "capture", "entry", "saga"}`.
    ///
    /// `failed` unless the order is settled; while it lasts no other saga can return the order.
    @Sendable static func beginReturn(_ db: Database, _ context: CommandContext) throws -> HandlerResult {
        let orderID = try Fields.identifier(context.input["orderId"], at: "orderId")
        guard let sale = try Sale.find(orderID: orderID, db) else {
            return .failed(code: "ORDER_UNKNOWN", message: "the ledger has no such order")
        }
        switch sale.state {
        case .settled: break
        case .recorded: return .failed(code: "ORDER_NOT_SETTLED", message: "the order is not settled yet")
        case .returning: return .failed(code: "RETURN_UNDERWAY", message: "the order is being returned already")
        case .returned, .reversed: return .wrongState(sale)
        }
        let returnID = "\(context.id.saga)-\(context.id.step)"
        try sale.beginReturn(returnID, by: context.id.saga.column, db)
        return .succeeded([
            "return": .string(returnID), "orderId": .string(orderID), "amount": sale.amount.json,
            "currency": sale.amount.currencyJSON, "capture": sale.capture.map { .string($0) } ?? .null,
            "entry": .number(JSONNumber(sale.entry)), "saga": .string(sale.saga.description),
        ])
    }

    /// Undoes `ledger.begin-return`.
    @Sendable static func cancelReturn(_ db: Database, _ context: CommandContext) throws -> HandlerResult {
        guard let id = context.actionOutput?["return"]?.string, let sale = try Sale.find(returnID: id, db) else {
            return .noReturn
        }
        guard sale.state == .returning else { return .wrongState(sale) }
        try sale.cancelReturn(db)
        return .succeeded([:])
    }

    /// `{"orderId"}` or `{"return"}` → `{"entry"}`: takes back what `ledger.settle` booked.
    @Sendable static func reverseSale(_ db: Database, _ context: CommandContext) throws -> HandlerResult {
        let found =
            if let id = try Fields.optionalIdentifier(context.input["return"], at: "return") {
                try Sale.find(returnID: id, db)
            } else {
                try Sale.find(orderID: Fields.identifier(context.input["orderId"], at: "orderId"), db)
            }
        guard let sale = found else { return .noReturn }
        guard sale.state == .returning else { return .wrongState(sale) }
        let entry = try JournalEntry(
            kind: .reverseSale, orderID: sale.orderID,
            moves: [(debit: .revenue, credit: .cardClearing, sale.amount)]
        ).post(db, for: context)
        try sale.finishReturn(db)
        return .succeeded(["entry": .number(JSONNumber(entry))])
    }
}

extension HandlerResult {
    fileprivate static let noReturn = HandlerResult.failed(
        code: "RETURN_UNKNOWN", message: "there is no such return")
}
