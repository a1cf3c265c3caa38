import DurableSQLite
import GRDB
import SagaBus
import SagaCore

/// Stock held for an order.
struct Reservation {
    enum State: String {
        /// Held until it expires. Can become hard, released, expired.
        case soft
        /// Sold, not shipped yet. Can become soft again, fulfilled, released, returned.
        case hard
        /// Shipped. Can become returned.
        case fulfilled
        /// Given back before the sale was certain.
        case released
        /// As released, by itself. Can become hard, if the stock is still there.
        case expired
        /// Given back after the sale.
        case returned
    }

    struct Line {
        let sku: String
        let quantity: Int64
    }

    let id: String
    let orderID: String
    var state: State
    let expiresAt: Timestamp
    let lines: [Line]

    private static let columns = "id, order_id, state, expires_at"

    static func find(_ id: String, _ db: Database) throws -> Reservation? {
        try db.firstRow("SELECT \(columns) FROM reservation WHERE id = ?", id) { try Reservation($0, db) }
    }

    /// The latest reservation of the order that has not been given back; of one saga, if it is named.
    static func sold(toOrder orderID: String, by saga: String?, _ db: Database) throws -> Reservation? {
        let seller = saga.map { SagaID($0)?.column ?? 0 }
        return try db.firstRow(
            """
            SELECT \(columns) FROM reservation
            WHERE order_id = ? AND state IN ('hard', 'fulfilled') AND saga = coalesce(?, saga)
            ORDER BY created_at DESC, id DESC
            """, orderID, seller
        ) { try Reservation($0, db) }
    }

    private init(_ row: borrowing StatementRow, _ db: Database) throws {
        id = row.text(0)
        orderID = row.text(1)
        state = State(rawValue: row.text(2)) ?? .released
        expiresAt = Timestamp(milliseconds: row.int64(3))
        var lines: [Line] = []
        try db.eachRow("SELECT sku, quantity FROM reservation_line WHERE reservation = ? ORDER BY sku", id) {
            lines.append(Line(sku: $0.text(0), quantity: $0.int64(1)))
        }
        self.lines = lines
    }

    init(id: String, orderID: String, expiresAt: Timestamp, lines: [Line]) {
        self.id = id
        self.orderID = orderID
        state = .soft
        self.expiresAt = expiresAt
        self.lines = lines
    }

    /// Logs these changes for each line and enters the state they lead to.
    mutating func become(_ state: State, by changes: StockChange..., at now: Timestamp, _ db: Database) throws {
        for line in lines {
            for change in changes {
                try change.log(db, sku: line.sku, quantity: line.quantity, reservation: id, at: now)
            }
        }
        try db.run("UPDATE reservation SET state = ? WHERE id = ?", state.rawValue, id)
        self.state = state
    }

    func insert(for command: CommandID, at now: Timestamp, _ db: Database) throws {
        try db.run(
            """
            INSERT INTO reservation (id, saga, step, order_id, state, created_at, expires_at)
            VALUES (?, ?, ?, ?, 'soft', ?, ?)
            """, id, command.saga.column, command.step, orderID, now.milliseconds, expiresAt.milliseconds)
        for line in lines {
            try db.run(
                "INSERT INTO reservation_line (reservation, sku, quantity) VALUES (?, ?, ?)", id, line.sku,
                line.quantity)
            try StockChange.softReserved.log(db, sku: line.sku, quantity: line.quantity, reservation: id, at: now)
        }
    }

    /// The lines there is not enough of.
    static func shortages(_ lines: [Line], _ db: Database) throws -> (unknown: [String], short: [String]) {
        var unknown: [String] = []
        var short: [String] = []
        for line in lines {
            let available = try db.firstRow("SELECT available FROM stock WHERE sku = ?", line.sku) { $0.int64(0) }
            guard let available else {
                unknown.append(line.sku)
                continue
            }
            if PlantedBug.oversells.isPlanted { continue }
            if available < line.quantity + (PlantedBug.refusesTheLastOne.isPlanted ? 1 : 0) {
                short.append("\(line.sku): \(line.quantity) wanted, \(available) available")
            }
        }
        return (unknown, short)
    }

    /// Gives back what is reserved softly and past its time.
    static func expire(_ db: Database, now: Timestamp, limit: Int = 1000) throws {
        var due: [String] = []
        try db.eachRow(
            "SELECT id FROM reservation WHERE state = 'soft' AND expires_at <= ? ORDER BY expires_at LIMIT ?",
            now.milliseconds, limit
        ) { due.append($0.text(0)) }
        for id in due {
            guard var reservation = try find(id, db) else { continue }
            try reservation.become(.expired, by: .cancelledSoft, at: now, db)
        }
    }
}
