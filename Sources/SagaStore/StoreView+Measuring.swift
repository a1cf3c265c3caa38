import DurableSQLite
import GRDB
import SagaCore

// For those who measure.
extension StoreView {
    /// How many sagas there are or have been. Reads all of their keys, and so brings them into the system's page cache.
    package func keyCount() throws -> Int {
        try Int.fetchOne(db, cachedSQL: "SELECT count(*) FROM keys NOT INDEXED") ?? 0
    }

    /// How many open sagas are at this step and no other.
    package func openSagaCount(at step: String) throws -> Int {
        try Int.fetchOne(
            db, cachedSQL: "SELECT count(*) FROM sagas WHERE ended_at IS NULL AND steps = ?", arguments: [step]) ?? 0
    }
}

extension StoreTransaction {
    package func removeFact(_ name: String) throws { try run("DELETE FROM facts WHERE name = ?", [name]) }
}
