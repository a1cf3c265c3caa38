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
    let orderID: String
    let amount: Money
    let state: State
    let capture: String?

    private static let columns = "entry, order_id, amount, currency, state, capture"

    static func find(entry: Int64, _ db: Database) throws -> Sale? {
        try Row.fetchOne(
            db, cachedSQL: "SELECT \(columns) FROM sale WHERE entry = ?", arguments: [entry]
        ).flatMap(Sale.init)
    }

    static func find(returnID: String, _ db: Database) throws -> Sale? {
        try Row.fetchOne(db, cachedSQL: "SELECT \(columns) FROM sale WHERE return_id = ?", arguments: [returnID])
            .flatMap(Sale.init)
    }

    /// The latest sale of the order, of those that stand if there are any.
    static func find(orderID: String, _ db: Database) throws -> Sale? {
        let order =
            PlantedBug.returnsFirstSale.isPlanted ? "entry" : "state NOT IN ('settled', 'returning'), entry DESC"
        return try Row.fetchOne(
            db,
            cachedSQL: """
                SELECT \(columns) FROM sale WHERE order_id = ?
                ORDER BY \(order)
                """, arguments: [orderID]
        ).flatMap(Sale.init)
    }

    private init?(_ row: Row) {
        guard let currency = Currency(code: row["currency"]), let state = State(rawValue: row["state"]) else {
            return nil
        }
        entry = row["entry"]
        orderID = row["order_id"]
        amount = Money(minorUnits: row["amount"], currency: currency)
        self.state = state
        capture = row["capture"]
    }

    func reverse(_ db: Database) throws {
        try update("state = 'reversed'", [], db)
    }

    func settle(capture: String, _ db: Database) throws {
        try update("state = 'settled', capture = ?", [capture], db)
    }

    func beginReturn(_ id: String, by saga: Int64, _ db: Database) throws {
        try update("state = 'returning', return_id = ?, return_saga = ?", [id, saga], db)
    }

    func cancelReturn(_ db: Database) throws {
        try update("state = 'settled', return_id = NULL, return_saga = NULL", [], db)
    }

    func finishReturn(_ db: Database) throws {
        try update("state = 'returned'", [], db)
    }

    private func update(_ change: String, _ arguments: StatementArguments, _ db: Database) throws {
        try db.cachedStatement(sql: "UPDATE sale SET \(change) WHERE entry = ?")
            .execute(arguments: arguments + [entry])
    }
}
