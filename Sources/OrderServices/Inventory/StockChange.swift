import DurableSQLite
import GRDB
import SagaCore

/// A row of the log of stock changes.
enum StockChange {
    case received, shrinkage, softReserved, hardReserved, fulfilled
    case cancelledSoft, cancelledHard, returnedHard, returnedFulfilled

    private var columns: (kind: String, available: Int, soft: Int, hard: Int, fulfilled: Int) {
        switch self {
        case .received: ("RECEIVED", 1, 0, 0, 0)
        case .shrinkage: ("SHRINKAGE", -1, 0, 0, 0)
        case .softReserved: ("SOFT_RESERVED", -1, 1, 0, 0)
        case .hardReserved: ("HARD_RESERVED", 0, -1, 1, 0)
        case .fulfilled: ("FULFILLED", 0, 0, -1, 1)
        case .cancelledSoft: ("CANCELLED", 1, -1, 0, 0)
        case .cancelledHard: ("CANCELLED", 1, 0, -1, 0)
        case .returnedHard: ("RETURNED", 1, 0, -1, 0)
        case .returnedFulfilled: ("RETURNED", 1, 0, 0, -1)
        }
    }

    /// Logs the change of one SKU; the schema refuses what would make a count negative.
    func log(_ db: Database, sku: String, quantity: Int64, reservation: String?, at now: Timestamp) throws {
        let change = columns
        try db.run(
            """
            INSERT INTO stock_change
                (sku, kind, quantity, available, soft_reserved, hard_reserved, fulfilled, reservation, at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, sku, change.kind, quantity, change.available, change.soft, change.hard, change.fulfilled, reservation,
            now.milliseconds)
    }
}
