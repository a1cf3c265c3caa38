import SagaCore

/// Which outbox rows the broker has not confirmed, by the command they carry.
///
/// A command in here never left, as far as anyone can tell: its timer does not count (rule 3). One that came back
/// because no queue takes it is only here to be replaced by a newer attempt: its timer decides (F16).
struct UnsentCommands {
    private var rows: [CommandID: Int64] = [:]
    private var commands: [Int64: CommandID] = [:]
    /// Those whose timers do not count.
    private var sagas: [SagaID: Set<CommandID>] = [:]

    func row(of command: CommandID) -> Int64? { rows[command] }
    func commands(of saga: SagaID) -> Set<CommandID> { sagas[saga] ?? [] }

    mutating func insert(_ row: OutboxRowID, _ command: CommandID) {
        if let old = rows[command] { commands[old] = nil }
        rows[command] = row
        commands[row] = command
        sagas[command.saga, default: []].insert(command)
    }

    mutating func remove(_ row: OutboxRowID) {
        guard let command = commands.removeValue(forKey: row), rows[command] == row else { return }
        rows[command] = nil
        stopHolding(command)
    }

    mutating func wasReturned(_ row: OutboxRowID) {
        guard let command = commands[row], rows[command] == row, !PlantedBug.returnedHasNotLeft.isPlanted else {
            return
        }
        stopHolding(command)
    }

    mutating func removeAll() {
        rows = [:]
        commands = [:]
        sagas = [:]
    }

    private mutating func stopHolding(_ command: CommandID) {
        sagas[command.saga]?.remove(command)
        if sagas[command.saga]?.isEmpty == true { sagas[command.saga] = nil }
    }
}
