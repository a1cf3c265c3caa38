import DurableSQLite
import GRDB
import SagaCore
import SagaParticipant

/// An entry of the journal: lines whose debits equal their credits.
struct JournalEntry {
    enum Account: String {
        /// What customers owe.
        case receivable
        /// Sold and not settled.
        case deferredRevenue = "deferred-revenue"
        /// What the card processor owes us.
        case cardClearing = "card-clearing"
        case revenue
    }
    enum Kind: String {
        case record, reverse, settle
        case reverseSale = "reverse-sale"
    }

    let kind: Kind
    let orderID: String
    /// Moves of an amount from the second account, which is credited, to the first, which is debited.
    let moves: [(debit: Account, credit: Account, amount: Money)]

    /// Appends the entry to the journal and gives its number.
    func post(_ db: Database, for context: CommandContext) throws -> Int64 {
        let last = try db.firstRow("SELECT max(id) FROM journal_entry") { $0.int64(0) }
        let id = (last ?? 0) + 1
        let line = """
            INSERT INTO journal_line (entry, position, account, currency, debit, credit) VALUES (?, ?, ?, ?, ?, ?)
            """
        for (index, move) in moves.enumerated() {
            let (units, currency) = (move.amount.minorUnits, move.amount.currency.code)
            try db.run(line, id, index * 2 + 1, move.debit.rawValue, currency, units, 0)
            try db.run(line, id, index * 2 + 2, move.credit.rawValue, currency, 0, units)
        }
        try db.run(
            "INSERT INTO journal_entry (id, kind, saga, step, order_id, at) VALUES (?, ?, ?, ?, ?, ?)", id,
            kind.rawValue, context.id.saga.column, context.id.step, orderID, context.now.milliseconds)
        return id
    }
}
