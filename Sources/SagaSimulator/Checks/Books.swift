import DurableSQLite
import GRDB
import SagaCore
import SagaParticipant

/// What the order services' own tables hold, as plain values.
struct Books {
    struct Reservation {
        let id: String
        let place: BarrierRows.Place
        let orderID: String
        let state: String
        let createdAt: Int64
        let expiresAt: Int64
        fileprivate(set) var lines: [String: Int64] = [:]
        fileprivate(set) var changes: [StockChange] = []
    }
    struct StockChange {
        let sku: String
        let kind: String
        let quantity: Int64
        let available: Int64
        let at: Int64
    }
    struct Payment {
        let authorization: String
        let place: BarrierRows.Place
        let orderID: String
        let amount: Int64
        let currency: String
        let state: String
        let capture: String?
        let capturedBy: BarrierRows.Place?
    }
    struct Refund {
        let place: BarrierRows.Place
        let capture: String
        let amount: Int64
    }
    struct Sale {
        let place: BarrierRows.Place
        let orderID: String
        let amount: Int64
        let currency: String
        let state: String
        let capture: String?
        let returnedBy: SagaID?
    }
    struct Entry {
        let id: Int64
        let kind: String
        let place: BarrierRows.Place
        let orderID: String
        let at: Int64
        /// Each as `account debit credit currency`, sorted.
        fileprivate(set) var lines: [String] = []
    }

    private(set) var reservations: [Reservation] = []
    /// All of them, in their order.
    private(set) var stockChanges: [StockChange] = []
    private(set) var payments: [Payment] = []
    private(set) var refunds: [Refund] = []
    private(set) var sales: [Sale] = []
    private(set) var entries: [Entry] = []

    init(_ databases: Databases) throws {
        try databases.inventory.queue.unsafeRead { try readInventory($0) }
        try databases.payment.queue.unsafeRead { try readPayment($0) }
        try databases.ledger.queue.unsafeRead { try readLedger($0) }
    }

    private mutating func readInventory(_ db: Database) throws {
        reservations = try Row.fetchAll(
            db.cachedStatement(
                sql: "SELECT saga, step, id, order_id, state, created_at, expires_at FROM reservation ORDER BY id")
        ).map {
            Reservation(
                id: $0[2], place: Self.place($0), orderID: $0[3], state: $0[4], createdAt: $0[5], expiresAt: $0[6])
        }
        let indices = Dictionary(uniqueKeysWithValues: reservations.enumerated().map { ($1.id, $0) })
        for row in try Row.fetchAll(
            db.cachedStatement(sql: "SELECT reservation, sku, quantity FROM reservation_line"))
        {
            guard let index = indices[row[0]] else { continue }
            reservations[index].lines[row[1]] = row[2]
        }
        for row in try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT sku, kind, quantity, quantity * available, at, reservation FROM stock_change ORDER BY id
                    """))
        {
            let change = StockChange(sku: row[0], kind: row[1], quantity: row[2], available: row[3], at: row[4])
            stockChanges.append(change)
            if let id: String = row[5], let index = indices[id] { reservations[index].changes.append(change) }
        }
    }

    private mutating func readPayment(_ db: Database) throws {
        payments = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT payment.saga, payment.step, authorization, order_id, payment.amount, currency, state,
                        capture.id, capture.saga, capture.step
                    FROM payment LEFT JOIN capture USING (authorization) ORDER BY authorization
                    """)
        ).map { row in
            let capturer: Int64? = row[8]
            return Payment(
                authorization: row[2], place: Self.place(row), orderID: row[3], amount: row[4], currency: row[5],
                state: row[6], capture: row[7],
                capturedBy: capturer.map { BarrierRows.Place(saga: SagaID(column: $0), step: row[9]) })
        }
        refunds = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT saga, step, capture, amount FROM refund ORDER BY id")
        ).map { Refund(place: Self.place($0), capture: $0[2], amount: $0[3]) }
    }

    private mutating func readLedger(_ db: Database) throws {
        sales = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT saga, step, order_id, amount, currency, state, capture, return_saga FROM sale ORDER BY entry
                    """)
        ).map { row in
            let returner: Int64? = row[7]
            return Sale(
                place: Self.place(row), orderID: row[2], amount: row[3], currency: row[4], state: row[5],
                capture: row[6], returnedBy: returner.map(SagaID.init(column:)))
        }
        entries = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT saga, step, id, kind, order_id, at FROM journal_entry ORDER BY id")
        ).map { Entry(id: $0[2], kind: $0[3], place: Self.place($0), orderID: $0[4], at: $0[5]) }
        let indices = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.id, $0) })
        for row in try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT entry, account || ' ' || debit || ' ' || credit || ' ' || currency AS line
                    FROM journal_line ORDER BY entry, line
                    """))
        {
            if let index = indices[row[0]] { entries[index].lines.append(row[1]) }
        }
    }

    private static func place(_ row: Row) -> BarrierRows.Place {
        BarrierRows.Place(saga: SagaID(column: row[0]), step: row[1])
    }
}
