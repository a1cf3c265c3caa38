import SagaBus
import SagaCore
import SagaEngine
import SagaStore

/// What must hold after every step of the worker: the machine's rules in every new line of every history, terminal
/// states that stay (I5), an outbox that nothing leaves before its time.
final class SafetyCheck {
    private let databases: Databases
    private let time: VirtualTime
    private let worker: SimulatedProcess?
    private let luck: Luck
    private let causes: StuckCauses
    private let referee = Referee()
    private let watch: OutboxWatch?
    private(set) var states: [SagaID: SagaState] = [:]
    private let pruneAfter: Int64?
    private var pruned: Set<SagaID> = []
    private var lastRow: Int64 = 0
    private var lastCommit = 0
    private var lastTime = Timestamp(milliseconds: 0)
    /// Of the worker's present life.
    private var greatestOutboxRow: OutboxRowID = 0
    private var life = 0
    /// What the worker's clock shows beyond ours, in its present life.
    private var clockOffset: Int64?
    /// Rows of the outbox when last looked.
    private var outbox: [OutboxRowID: CommandID?] = [:]
    private(set) var violations: [String] = []
    /// Steps that a fence has closed, as far as the orchestrator was told.
    private(set) var fenced: [(saga: SagaID, step: String)] = []

    init(_ world: World, _ causes: StuckCauses, _ plan: Plan) {
        self.causes = causes
        pruneAfter = plan.pruneAfterMilliseconds
        databases = world.databases
        time = world.time
        luck = world.luck
        worker = world.processes.first { $0.name == "worker" }
        watch = worker.map { OutboxWatch(world.time, $0, plan.engineSettings) }
        worker?.witness = self
        worker?.afterStep = { [unowned self] in look() }
    }

    private func look() {
        guard let worker, let watch else { return }
        do {
            // Whose it was is not known any more of a saga that has been pruned.
            for (command, participant) in referee.answered where !pruned.contains(command.saga) {
                watch.answered(command, participant)
            }
            if life != worker.life {
                (life, greatestOutboxRow, clockOffset) = (worker.life, outbox.keys.max() ?? 0, nil)
            }
            if worker.commits != lastCommit {
                lastCommit = worker.commits
                try databases.store.read { try read($0, worker, watch) }
            }
            for (token, message) in referee.published { watch.published(token, message) }
            try watch.checkLetIn()
            try referee.settle(life: worker.life) { watch.since($0) }
            try watch.check()
        } catch {
            violations.append(error is Breach ? "\(error)" : "rule broken: \(error)")
        }
    }

    /// What a step has committed.
    private func read(_ store: StoreView, _ worker: SimulatedProcess, _ watch: OutboxWatch) throws {
        let lines = try store.history(after: lastRow) {
            try states[$0]?.definition ?? databases.definition(of: $0, in: store)
        }
        for line in lines {
            lastRow = line.row
            try check(line, watch)
        }
        if pruneAfter != nil {
            try checkPruned(store)
            // What comes next may have the numbers of lines that are gone.
            lastRow = try store.lastHistoryRow()
        }
        try checkOutbox(store, worker)
        watch.update(outbox) { referee.step(of: $0) }
        if watch.mayHaveBreakers {
            try watch.checkHeld { referee[$0.saga]?.awaits($0) ?? true }
            try watch.update(try store.breakers())
        }
    }

    // MARK: Histories

    private func check(_ line: HistoryLine, _ watch: OutboxWatch) throws {
        guard line.at >= lastTime else {
            throw Breach("rule 27", "time runs backward in the histories").about(line.saga)
        }
        lastTime = line.at
        try checkClock(line)
        try referee.note(line, at: time.milliseconds) { watch.isSilent($0) }
        // Taken out, so that it is changed where it is.
        var state = states.removeValue(forKey: line.saga) ?? SagaState(id: line.saga, definition: line.definition)
        let before = state.status
        let isByHand = line.events.contains {
            switch $0 {
            case .retried, .resolved: true
            default: false
            }
        }
        for event in line.events {
            do { try SafetyRules.check(event, in: state) } catch { throw about(line.saga, "\(error)") }
            switch event {
            case .stuck(_, let error) where !causes.exist(for: error):
                throw Breach("I1", "it is stuck without cause: \(error.code)").about(line.saga)
            case .failed(let step, .action, let error) where error.code == RefusalCode.fenced.rawValue:
                fenced.append((line.saga, state.definition.steps[step].name))
            case .sent(let sent) where sent.attempt > 1 && !isByHand: try checkDrained(sent.step, sent.kind, state)
            case .backedOff(let step, let kind, _, .timeout): try checkCounted(step, kind, state, watch)
            case .unsettled(let step, let kind, .timeout): try checkCounted(step, kind, state, watch)
            case .rearmed(let step, let kind, let until): try checkRearmed(step, kind, until, state, line, watch)
            default: break
            }
            state.evolve(event, at: line.at)
        }
        if before.isTerminal, state.status != before {
            throw Breach("I5", "it was \(before.rawValue), now it is \(state.status.rawValue)").about(line.saga)
        }
        do { try SafetyRules.check(state) } catch { throw about(line.saga, "\(error)") }
        states[line.saga] = state
    }

    /// Rule 27: the worker's clock runs as time does, whatever becomes of the machine's.
    private func checkClock(_ line: HistoryLine) throws {
        let offset = line.at - time.now
        guard clockOffset ?? offset == offset else { throw Breach("rule 27", "the worker's clock jumps") }
        clockOffset = offset
    }

    /// Rule 3: no timer fires before the replies have been read that wait in their queue.
    private func checkDrained(_ step: Int, _ kind: CommandID.Kind, _ state: SagaState) throws {
        guard worker?.hasHeardWhatWaited == false else { return }
        let name = state.definition.steps[step].name
        throw Breach("rule 3", "a timer of \(name)/\(kind) fires before the waiting replies are read").about(state.id)
    }

    /// Rule 3: a command that never left has used up nothing, and no time passes while no reply can arrive.
    private func checkCounted(
        _ step: Int, _ kind: CommandID.Kind, _ state: SagaState, _ watch: OutboxWatch
    ) throws {
        guard state.steps[step][kind].isInFlight else { return }
        try checkDrained(step, kind, state)
        let definition = state.definition.steps[step]
        let command = CommandID(
            saga: state.id, step: definition.name, kind: kind, round: state.steps[step][kind].round)
        guard !isUnsent(command) else {
            throw Breach("rule 3", "\(command) timed out and had never left").about(state.id)
        }
        guard let heard = worker?.hearsFor(), heard >= definition.timeoutMilliseconds else {
            throw Breach("rule 3", "\(command) timed out, and no reply could arrive so long").about(state.id)
        }
        watch.timedOut(command, of: definition.participant)
    }

    /// F16: what no queue took is waited for as if it had left. A file opened anew has forgotten that.
    private func checkRearmed(
        _ step: Int, _ kind: CommandID.Kind, _ until: Timestamp, _ state: SagaState, _ line: HistoryLine,
        _ watch: OutboxWatch
    ) throws {
        let definition = state.definition.steps[step]
        // What is held back is waited for anew when it leaves, which no timer decides.
        if !watch.isSilent(definition.participant) { try checkDrained(step, kind, state) }
        let command = CommandID(
            saga: state.id, step: definition.name, kind: kind, round: state.steps[step][kind].round)
        guard until - line.at == definition.timeoutMilliseconds, luck.count(of: .failCommit) == 0,
            watch.wasReturned(command), let worker, let since = worker.consumingSince,
            time.milliseconds - max(since, worker.stoodStillUntil) > 2000
        else { return }
        throw Breach("F16", "the wait for \(command) does not count, although no queue took it").about(state.id)
    }

    private func about(_ saga: SagaID, _ what: String) -> BrokenRule { BrokenRule("saga \(saga): \(what)") }

    /// Rule 22: what is pruned had ended long enough ago, and how it ended is kept.
    private func checkPruned(_ store: StoreView) throws {
        for saga in try store.prunedSagas() where pruned.insert(saga.id).inserted {
            guard let state = states[saga.id], state.status == saga.status, state.endedAt == saga.endedAt else {
                throw Breach("rule 22", "it is pruned as \(saga.status.rawValue), which it was not").about(saga.id)
            }
            guard let pruneAfter, let clockOffset else { continue }
            let age = time.now.adding(milliseconds: clockOffset) - saga.endedAt
            guard age >= pruneAfter else {
                throw Breach("rule 22", "it is pruned \(age) ms after its end, not \(pruneAfter)").about(saga.id)
            }
        }
    }

    // MARK: The outbox

    /// Whether the command was in the outbox before this step, and the broker has said nothing of it, as far as the
    /// worker can know.
    private func isUnsent(_ command: CommandID) -> Bool {
        outbox.contains { $0.value == command && worker?.told[UInt64($0.key)] == nil }
    }

    /// A row leaves once it is confirmed, or a newer attempt takes its place, or its saga has ended.
    private func checkOutbox(_ store: StoreView, _ worker: SimulatedProcess) throws {
        var now: [OutboxRowID: CommandID?] = [:]
        var present: Set<CommandID> = []
        for (row, command) in try store.outboxCommands() {
            now[row] = .some(command)
            if let command, !present.insert(command).inserted {
                throw Breach("rule 3", "row \(row): \(command) is in the outbox already")
            }
            if outbox[row] == nil, row <= greatestOutboxRow {
                throw Breach("I6", "row \(row) of the outbox is used again")
            }
        }
        for row in outbox.keys.filter({ now[$0] == nil }).sorted() where worker.told[UInt64(row)] != .confirmed {
            let command = outbox[row] ?? nil
            if let command, present.contains(command) || isUnawaited(command) { continue }
            let what = command.map { "\($0)" } ?? "no command"
            throw Breach("I6", "row \(row) (\(what)) left the outbox unconfirmed")
        }
        greatestOutboxRow = max(greatestOutboxRow, now.keys.max() ?? 0)
        outbox = now
    }

    func hasHeardSuccess(of command: CommandID) -> Bool { referee.hasHeardSuccess(of: command) }

    /// Nobody waits for its answer any more: its saga has ended or turned back, or an earlier attempt was answered.
    private func isUnawaited(_ command: CommandID) -> Bool { referee[command.saga]?.awaits(command) == false }

    // MARK: At rest

    /// What must hold once nothing moves any more.
    ///
    /// - Parameter isShort: the worker has died over messages, which it set aside without an answer.
    func violationsAtRest(_ store: StoreView, isShort: Bool) throws -> [String] {
        let breakers = try store.breakers()
        return referee.violationsAtRest(isShort: isShort) + (watch?.violationsAtRest(breakers) ?? [])
    }
}

extension SafetyCheck: Witness {
    func begins() {
        referee.begins()
        watch?.begins()
    }
    func gets(_ delivery: Delivery) { referee.gets(delivery) }
    func acknowledges(_ tag: DeliveryTag, of consumer: ConsumerID) { referee.acknowledges(tag, of: consumer) }
    func isTold(_ token: UInt64, _ outcome: PublishOutcome) { watch?.heard(token, outcome) }
    func publishes(_ token: UInt64, _ message: Message) { referee.publishes(token, message) }
}
