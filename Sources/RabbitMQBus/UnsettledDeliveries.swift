import SagaBus

/// One instruction to the broker about deliveries.
struct Settlement: Hashable {
    enum Kind: Hashable { case acknowledge, requeue }
    let kind: Kind
    let number: UInt64
    /// Means every unsettled delivery up to this one.
    let multiple: Bool
}

/// The deliveries of one connection that the broker waits for; settles them with as few instructions as is safe.
///
/// Settling a number the broker does not know would close the channel, so that void tags are dropped here.
struct UnsettledDeliveries {
    private var numbers = FIFO<UInt64>()
    private var settled: Set<UInt64> = []

    mutating func delivered(_ number: UInt64) { numbers.append(number) }

    mutating func settle(_ given: some Sequence<UInt64>, _ kind: Settlement.Kind) -> [Settlement] {
        var fresh = Set<UInt64>()
        for number in given where isUnsettled(number) { fresh.insert(number) }
        guard !fresh.isEmpty else { return [] }

        // From the oldest on, as long as everything is settled, one instruction does; it reaches only to the last
        // fresh one, and all unsettled ones up to there are fresh.
        var (prefixEnd, prefixCount): (UInt64?, Int) = (nil, 0)
        while let oldest = numbers.first {
            if fresh.remove(oldest) != nil {
                prefixEnd = oldest
                prefixCount += 1
            } else if settled.remove(oldest) == nil {
                break
            }
            _ = numbers.popFirst()
        }
        var settlements: [Settlement] = []
        if let prefixEnd { settlements.append(Settlement(kind: kind, number: prefixEnd, multiple: prefixCount > 1)) }
        settlements += fresh.sorted().map { Settlement(kind: kind, number: $0, multiple: false) }
        settled.formUnion(fresh)
        return settlements
    }

    mutating func requeueAll() -> [Settlement] {
        settle((0..<numbers.count).map { numbers[$0] }, .requeue)
    }

    private func isUnsettled(_ number: UInt64) -> Bool {
        guard !settled.contains(number), let first = numbers.first, number >= first else { return false }
        return number <= numbers[numbers.count - 1]
    }
}
