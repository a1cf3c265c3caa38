import DurableSQLite
import GRDB
import SagaCore

/// An order in the books.
struct Sale {
    enum State: String {
        /// Can become reversed, settled.
        case recorded
        case reversed
        /// Can become returning.
        case settled
        /// Can become settled again, returned.
        case returning
        case returned
    }

    let entry: Int64
    /// Which sold it: an order may have been sold by several, one after the other.
    let saga: SagaID
    let orderID: String
    let amount: Money
    let state: State
    let capture: String?

    private static let columns = "entry, order_id, amount, currency, state, capture, saga"

    static func find(entry: Int64, _ db: Database) throws -> Sale? {
        try db.firstRow("SELECT \(columns) FROM sale WHERE entry = ?", entry) { Sale($0) } ?? nil
    }

    static func find(returnID: String, _ db: Database) throws -> Sale? {
        try db.firstRow("SELECT \(columns) FROM sale WHERE return_id = ?", returnID) { Sale($0) } ?? nil
    }

    /// The latest sale of the order, of those that stand if there are any.
    static func find(orderID: String, _ db: Database) throws -> Sale? {
        let order =
            PlantedBug.returnsFirstSale.isPlanted ? "entry" : "state NOT IN ('settled', 'returning'), entry DESC"
        return try db.firstRow("SELECT \(columns) FROM sale WHERE order_id = ? ORDER BY \(order)", orderID) { Sale($0) }
            ?? nil
    }

    private init?(_ row: borrowing StatementRow) {
        guard let currency = Currency(code: row.text(3)), let state = State(rawValue: row.text(4)) else { return nil }
        entry = row.int64(0)
        orderID = row.text(1)
        amount = Money(minorUnits: row.int64(2), currency: currency)
        self.state = state
        capture = row.textIfAny(5)
        saga = SagaID(column: row.int64(6))
    }

    func reverse(_ db: Database) throws {
        try db.run("UPDATE sale SET state = 'reversed' WHERE entry = ?", entry)
    }

    func settle(capture: String, _ db: Database) throws {
        try db.run("UPDATE sale SET state = 'settled', capture = ? WHERE entry = ?", capture, entry)
    }

    func beginReturn(_ id: String, by saga: Int64, _ db: Database) throws {
        try db.run(
            "UPDATE sale SET state = 'returning', return_id = ?, return_saga = ? WHERE entry = ?", id, saga, entry)
    }

    func cancelReturn(_ db: Database) throws {
        try db.run(
            "UPDATE sale SET state = 'settled', return_id = NULL, return_saga = NULL WHERE entry = ?", entry)
    }

    func finishReturn(_ db: Database) throws {
        try db.run("UPDATE sale SET state = 'returned' WHERE entry = ?", entry)
    }
}
