import SagaBus
import SagaCore
import SagaEngine
import SagaStore

/// What must hold after every step of the worker: the machine's rules in every new line of every history, terminal
/// states that stay (I5), an outbox that nothing leaves before its time.
final class SafetyCheck {
    private let databases: Databases
    private let worker: SimulatedProcess?
    private let causes: StuckCauses
    private var states: [SagaID: SagaState] = [:]
    private var lastRow: Int64 = 0
    private var lastCommit = 0
    private var lastTime = Timestamp(milliseconds: 0)
    /// Of the worker's present life.
    private var greatestOutboxRow: OutboxRowID = 0
    private var life = 0
    /// Rows of the outbox when last looked.
    private var outbox: [OutboxRowID: CommandID?] = [:]
    private(set) var violations: [String] = []
    /// Steps that a fence has closed, as far as the orchestrator was told.
    private(set) var fenced: [(saga: SagaID, step: String)] = []

    init(_ world: World, _ causes: StuckCauses) {
        self.causes = causes
        databases = world.databases
        worker = world.processes.first { $0.name == "worker" }
        worker?.afterStep = { [unowned self] in look() }
    }

    private func look() {
        guard let worker, worker.commits != lastCommit else { return }
        lastCommit = worker.commits
        do {
            try databases.store.read { store in
                let unsent = unsentCommands(worker)
                let lines = try store.history(after: lastRow) {
                    try states[$0]?.definition ?? databases.definition(of: $0, in: store)
                }
                for line in lines {
                    lastRow = line.row
                    try check(line, unsent)
                }
                try checkOutbox(store, worker)
            }
        } catch {
            violations.append("rule broken: \(error)")
        }
    }

    // MARK: Histories

    private func check(_ line: HistoryLine, _ unsent: Set<CommandID>) throws {
        guard line.at >= lastTime else { throw about(line.saga, "time runs backward in the histories (rule 27)") }
        lastTime = line.at
        var state = states[line.saga] ?? SagaState(id: line.saga, definition: line.definition)
        let before = state.status
        for event in line.events {
            do { try SafetyRules.check(event, in: state) } catch { throw about(line.saga, "\(error)") }
            switch event {
            case .stuck(_, let error) where !causes.exist(for: error):
                throw about(line.saga, "it is stuck without cause: \(error.code) (I1)")
            case .failed(let step, .action, let error) where error.code == RefusalCode.fenced.rawValue:
                fenced.append((line.saga, state.definition.steps[step].name))
            case .backedOff(let step, let kind, _, .timeout): try checkCounted(step, kind, state, unsent)
            case .unsettled(let step, let kind, .timeout) where state.rollback == nil:
                try checkCounted(step, kind, state, unsent)
            default: break
            }
            state.evolve(event, at: line.at)
        }
        if before.isTerminal, state.status != before {
            throw about(line.saga, "it was \(before.rawValue), now it is \(state.status.rawValue) (I5)")
        }
        do { try SafetyRules.check(state) } catch { throw about(line.saga, "\(error)") }
        states[line.saga] = state
    }

    /// Rule 3: a command that never left has used up nothing.
    private func checkCounted(
        _ step: Int, _ kind: CommandID.Kind, _ state: SagaState, _ unsent: Set<CommandID>
    ) throws {
        guard state.steps[step][kind].isInFlight else { return }
        let command = CommandID(
            saga: state.id, step: state.definition.steps[step].name, kind: kind, round: state.steps[step][kind].round)
        guard !unsent.contains(command) else { throw about(state.id, "\(command) timed out and had never left") }
    }

    private func about(_ saga: SagaID, _ what: String) -> BrokenRule { BrokenRule("saga \(saga): \(what)") }

    // MARK: The outbox

    /// Commands in the outbox of which the broker has said nothing, as far as the worker can know.
    private func unsentCommands(_ worker: SimulatedProcess) -> Set<CommandID> {
        var unsent: Set<CommandID> = []
        for (row, command) in outbox where worker.told[UInt64(row)] == nil {
            if let command { unsent.insert(command) }
        }
        return unsent
    }

    /// A row leaves once it is confirmed, or a newer attempt takes its place, or its saga has ended.
    private func checkOutbox(_ store: StoreView, _ worker: SimulatedProcess) throws {
        let now = Dictionary(uniqueKeysWithValues: try store.outboxCommands().map { ($0.row, $0.command) })
        let present = Set(now.values.compactMap(\.self))
        for (row, command) in outbox.sorted(by: { $0.key < $1.key }) where now[row] == nil {
            if worker.told[UInt64(row)] == .confirmed { continue }
            if let command, present.contains(command) || isUnawaited(command) { continue }
            throw BrokenRule("row \(row) (\(command.map { "\($0)" } ?? "no command")) left the outbox unconfirmed")
        }
        var seen: Set<CommandID> = []
        for (row, command) in now.sorted(by: { $0.key < $1.key }) {
            guard let command, !seen.insert(command).inserted else { continue }
            throw BrokenRule("row \(row): \(command) is in the outbox already")
        }
        if life != worker.life { (life, greatestOutboxRow) = (worker.life, outbox.keys.max() ?? 0) }
        for row in now.keys.sorted() where outbox[row] == nil && row <= greatestOutboxRow {
            throw BrokenRule("row \(row) of the outbox is used again")
        }
        greatestOutboxRow = max(greatestOutboxRow, now.keys.max() ?? 0)
        outbox = now
    }

    /// Nobody waits for its answer any more: its saga has ended or turned back, or an earlier attempt was answered.
    private func isUnawaited(_ command: CommandID) -> Bool { states[command.saga]?.awaits(command) == false }
}
