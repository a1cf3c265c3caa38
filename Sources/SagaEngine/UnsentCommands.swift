import SagaCore

/// Which outbox rows the broker has not confirmed, by the command they carry.
///
/// A command in here never left, as far as anyone can tell: its timer does not count (rule 3). One that came back
/// because no queue takes it is only here to be replaced by a newer attempt: its timer decides (F16).
struct UnsentCommands {
    private struct Entry {
        let command: CommandID
        let row: OutboxRowID
        var wasReturned = false
    }

    /// By saga, which has few.
    private var entries: [SagaID: [Entry]] = [:]
    private var sagas: [OutboxRowID: SagaID] = [:]

    func row(of command: CommandID) -> OutboxRowID? {
        entries[command.saga]?.first { $0.command == command }?.row
    }

    /// Those whose timers do not count.
    func commands(of saga: SagaID) -> Set<CommandID> {
        guard let entries = entries[saga] else { return [] }
        return Set(entries.lazy.filter { !$0.wasReturned }.map(\.command))
    }

    /// In place of what was in the outbox of the same command.
    mutating func insert(_ row: OutboxRowID, _ command: CommandID) {
        if let old = self.row(of: command) { remove(old) }
        entries[command.saga, default: []].append(Entry(command: command, row: row))
        sagas[row] = command.saga
    }

    mutating func insert(_ others: UnsentCommands) {
        for entry in others.entries.values.joined() { insert(entry.row, entry.command) }
    }

    mutating func remove(_ row: OutboxRowID) {
        guard let saga = sagas.removeValue(forKey: row) else { return }
        entries[saga]?.removeAll { $0.row == row }
        if entries[saga]?.isEmpty == true { entries[saga] = nil }
    }

    mutating func wasReturned(_ row: OutboxRowID) {
        guard let saga = sagas[row], let index = entries[saga]?.firstIndex(where: { $0.row == row }),
            !PlantedBug.returnedHasNotLeft.isPlanted
        else { return }
        entries[saga]?[index].wasReturned = true
    }

    mutating func removeAll() { self = UnsentCommands() }
}
