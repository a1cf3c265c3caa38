import SagaCore

extension SagaID {
    /// As SQLite stores it: its integers are signed, so that ids keep their order until the year 2058.
    package var column: Int64 { Int64(bitPattern: rawValue) }
    package init(column: Int64) { self.init(rawValue: UInt64(bitPattern: column)) }
}
