import DurableSQLite
import GRDB
import SagaCore
import SagaParticipant

/// Keeps the books: a double-entry journal that only grows, and where each order stands in it.
package enum Ledger {
    package static func participant() -> Participant {
        Participant(
            name: "ledger",
            migrations: [Participant.Migration("1") { db in try db.execute(sql: LedgerSchema.tables) }],
            handlers: [
                .action("ledger.record", record),
                .compensation("ledger.reverse", reverse),
                .action("ledger.settle", settle),
                .action("ledger.begin-return", beginReturn),
                .compensation("ledger.cancel-return", cancelReturn),
                .action("ledger.reverse-sale", reverseSale),
            ])
    }

    /// `{"orderId", "amount", "currency"?}` → `{"entry"}`: the customer owes, the revenue is deferred.
    @Sendable private static func record(_ db: Database, _ context: CommandContext) throws -> HandlerResult {
        let orderID = try Fields.identifier(context.input["orderId"], at: "orderId")
        let amount = try Fields.money(context.input)
        let entry = try JournalEntry(
            kind: .record, orderID: orderID, moves: [(debit: .receivable, credit: .deferredRevenue, amount)]
        ).post(db, for: context)
        try db.run(
            """
            INSERT INTO sale (entry, saga, step, order_id, amount, currency, state)
            VALUES (?, ?, ?, ?, ?, ?, 'recorded')
            """, entry, context.id.saga.column, context.id.step, orderID, amount.minorUnits, amount.currency.code)
        return .succeeded(["entry": .number(JSONNumber(entry))])
    }

    /// Undoes `ledger.record` by an entry the other way round.
    @Sendable private static func reverse(_ db: Database, _ context: CommandContext) throws -> HandlerResult {
        guard let number = context.actionOutput?["entry"]?.int64, let sale = try Sale.find(entry: number, db) else {
            return .noEntry
        }
        guard sale.state == .recorded else { return .wrongState(sale) }
        let entry = try JournalEntry(
            kind: .reverse, orderID: sale.orderID,
            moves: [(debit: .deferredRevenue, credit: .receivable, sale.amount)]
        ).post(db, for: context)
        try sale.reverse(db)
        return .succeeded(["entry": .number(JSONNumber(entry))])
    }

    /// `{"entry", "capture"}` → `{"entry"}`: the processor owes instead of the customer, the revenue is earned.
    @Sendable private static func settle(_ db: Database, _ context: CommandContext) throws -> HandlerResult {
        let capture = try Fields.identifier(context.input["capture"], at: "capture")
        guard let number = context.input["entry"]?.int64, let sale = try Sale.find(entry: number, db) else {
            return .noEntry
        }
        guard sale.state == .recorded else { return .wrongState(sale) }
        let entry = try JournalEntry(
            kind: .settle, orderID: sale.orderID,
            moves: [
                (debit: .cardClearing, credit: .receivable, sale.amount),
                (debit: .deferredRevenue, credit: .revenue, sale.amount),
            ]
        ).post(db, for: context)
        try sale.settle(capture: capture, db)
        return .succeeded(["entry": .number(JSONNumber(entry))])
    }
}

extension HandlerResult {
    static let noEntry = HandlerResult.failed(code: "ENTRY_UNKNOWN", message: "there is no such entry")

    static func wrongState(_ sale: Sale) -> HandlerResult {
        .failed(code: "ORDER_\(sale.state.rawValue.uppercased())", message: "the order is \(sale.state.rawValue)")
    }
}
