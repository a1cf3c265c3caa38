import SagaCore

extension CommandID {
    /// The saga as SQLite stores it.
    var sagaColumn: Int64 { Int64(bitPattern: saga.rawValue) }
}
