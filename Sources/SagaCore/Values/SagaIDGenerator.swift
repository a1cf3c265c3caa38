/// Makes saga ids of one shard that only ever increase, whatever the clock does.
///
/// Pure: the caller passes the time. Where 1024 ids of a millisecond are used up, or the time is behind the last id, it
/// borrows from the future.
public struct SagaIDGenerator: Sendable {
    public let shard: Int
    private var last: SagaID?

    /// - Parameter after: the greatest id that exists; all ids made are greater.
    public init(shard: Int, after: SagaID? = nil) {
        precondition(SagaID.shards.contains(shard), "a saga id holds 13 bits of shard")
        self.shard = shard
        if let after, after.shard != shard {
            last = SagaID(milliseconds: after.milliseconds, shard: shard, sequence: SagaID.sequences.upperBound - 1)
        } else {
            last = after
        }
    }

    public mutating func next(at now: Timestamp) -> SagaID {
        let wanted = min(max(now - SagaID.epoch, 0), SagaID.milliseconds.upperBound - 1)
        let id: SagaID
        if let last, wanted <= last.milliseconds {
            let sequence = last.sequence + 1
            id =
                SagaID.sequences.contains(sequence)
                ? SagaID(milliseconds: last.milliseconds, shard: shard, sequence: sequence)
                : SagaID(milliseconds: last.milliseconds + 1, shard: shard, sequence: 0)
        } else {
            id = SagaID(milliseconds: wanted, shard: shard, sequence: 0)
        }
        last = id
        return id
    }
}
