/// Outbox rows that are held back, by the participant they are for, oldest first.
struct HeldCommands {
    private struct Queue {
        /// Oldest first. Those before `head`, and some of the others, are held no longer.
        var rows: [OutboxRowID] = []
        var head = 0
        var count = 0
    }

    private var participants: [OutboxRowID: String] = [:]
    private var queues: [String: Queue] = [:]

    var count: Int { participants.count }
    func count(of participant: String) -> Int { queues[participant]?.count ?? 0 }
    func participant(of row: OutboxRowID) -> String? { participants[row] }

    /// The oldest rows held for a participant, without some.
    func first(_ limit: Int, of participant: String, without gone: Set<OutboxRowID> = []) -> [OutboxRowID] {
        guard let queue = queues[participant] else { return [] }
        return Array(
            queue.rows[queue.head...].lazy.filter { participants[$0] != nil && !gone.contains($0) }.prefix(limit))
    }

    /// Rows come in the order of their ids.
    mutating func insert(_ row: OutboxRowID, for participant: String) {
        guard participants.updateValue(participant, forKey: row) == nil else { return }
        queues[participant, default: Queue()].rows.append(row)
        queues[participant]?.count += 1
    }

    mutating func remove(_ row: OutboxRowID) {
        guard let participant = participants.removeValue(forKey: row),
            var queue = queues.removeValue(forKey: participant)
        else { return }
        queue.count -= 1
        while queue.head < queue.rows.count, participants[queue.rows[queue.head]] == nil { queue.head += 1 }
        if queue.head > queue.rows.count / 2 {
            queue.rows.removeFirst(queue.head)
            queue.head = 0
        }
        if queue.count > 0 { queues[participant] = queue }
    }

    mutating func take(_ changes: Changes) {
        for row in changes.gone { remove(row) }
        for (row, participant) in changes.added { insert(row, for: participant) }
    }

    /// What one transaction makes of them, until it has committed.
    struct Changes {
        fileprivate(set) var added: [(row: OutboxRowID, participant: String)] = []
        fileprivate var gone: Set<OutboxRowID> = []
        private var counts: [String: Int] = [:]

        func isHeld(_ row: OutboxRowID, in held: HeldCommands) -> Bool {
            held.participants[row] != nil ? !gone.contains(row) : added.contains { $0.row == row }
        }

        func count(of participant: String, in held: HeldCommands) -> Int {
            held.count(of: participant) + counts[participant, default: 0]
        }

        func first(_ limit: Int, of participant: String, in held: HeldCommands) -> [OutboxRowID] {
            let older = held.first(limit, of: participant, without: gone)
            return older
                + added.lazy.filter { $0.participant == participant }.prefix(limit - older.count).map(\.row)
        }

        mutating func insert(_ row: OutboxRowID, for participant: String) {
            added.append((row, participant))
            counts[participant, default: 0] += 1
        }

        mutating func remove(_ row: OutboxRowID, from held: HeldCommands) {
            if let participant = held.participants[row] {
                if gone.insert(row).inserted { counts[participant, default: 0] -= 1 }
            } else if let index = added.firstIndex(where: { $0.row == row }) {
                counts[added.remove(at: index).participant, default: 0] -= 1
            }
        }
    }
}
