import SagaBus
import SagaCore
import SagaEngine
import SagaStore

/// Watches how long messages stay in the outbox, and what the breakers hold back.
///
/// While the broker listens and the worker runs, what is committed goes out soon, and what is confirmed leaves; a
/// participant that does not answer is asked again every minute or so, and taken for silent only for cause.
final class OutboxWatch {
    private struct Row {
        let command: CommandID?
        let participant: String?
        /// How long an answer is waited for.
        let timeoutMilliseconds: Int64
        let life: Int
        let since: Int64
        /// Its participant was taken for silent when it came.
        let isHeld: Bool
        var lastPublished: Int64?
        /// In which life of the worker.
        var publishedIn: Int?
        var confirmed: (life: Int, at: Int64)?
        /// In which life of the worker it came back, since no queue took it.
        var returnedIn: Int?
    }

    private let time: VirtualTime
    private let worker: SimulatedProcess
    /// How many commands a participant leaves unanswered before it is taken for silent.
    private let limit: Int
    /// How many commands are let out in one step.
    private let mostAtOnce: Int
    private var rows: [OutboxRowID: Row] = [:]
    private var breakers: [String: StoredBreaker] = [:]
    private var lastAsked: [String: Int64] = [:]
    /// Different commands waited for in vain since a participant's last reply.
    private var unanswered: [String: Set<CommandID>] = [:]
    private var lastAnswer: [String: (life: Int, at: Int64)] = [:]
    private var lastSilence: [String: Int64] = [:]
    /// Of each participant that was taken for silent: what it was sent since and has neither answered nor let time out,
    /// in this life of the worker; with the time until which it is waited for.
    private var letOut: [String: [CommandID: Int64]] = [:]
    /// Who has answered what it was sent since, in this step.
    private var hasAnsweredProbe: Set<String> = []
    private var nextCheck: Int64 = 0

    init(_ time: VirtualTime, _ worker: SimulatedProcess, _ settings: EngineSettings) {
        self.time = time
        self.worker = worker
        limit = settings.unansweredLimit
        mostAtOnce = settings.batchLimit
    }

    /// The worker starts.
    func begins() { letOut = [:] }

    // MARK: Seen

    /// Without silence none opens.
    var mayHaveBreakers: Bool { !unanswered.isEmpty || !breakers.isEmpty }

    func isSilent(_ participant: String) -> Bool { breakers[participant] != nil }

    /// When a row came.
    func since(_ token: UInt64) -> Int64? { rows[OutboxRowID(token)]?.since }

    /// Whether no queue took the row of this command.
    func wasReturned(_ command: CommandID) -> Bool {
        rows.values.contains { $0.command == command && $0.returnedIn == worker.life }
    }

    func timedOut(_ command: CommandID, of participant: String) {
        unanswered[participant, default: []].insert(command)
        lastSilence[participant] = time.milliseconds
        letOut[participant] = nil
    }

    func answered(_ command: CommandID, _ participant: String) {
        unanswered[participant] = nil
        // An answer to what was given up a moment ago is none to a probe.
        if let until = letOut[participant]?.removeValue(forKey: command), time.milliseconds < until {
            hasAnsweredProbe.insert(participant)
        }
        lastAnswer[participant] = (worker.life, time.milliseconds)
    }

    func published(_ token: UInt64, _ message: Message) {
        let isFirst = rows[OutboxRowID(token)]?.lastPublished == nil
        rows[OutboxRowID(token)]?.lastPublished = time.milliseconds
        rows[OutboxRowID(token)]?.publishedIn = worker.life
        guard message.exchange == SkaldNames.commands else { return }
        lastAsked[message.routingKey] = time.milliseconds
        // Let out is what was held. What no queue took is published again, whatever is thought of its participant.
        guard isFirst, isSilent(message.routingKey), let row = rows[OutboxRowID(token)], row.isHeld,
            let command = row.command
        else { return }
        letOut[message.routingKey, default: [:]][command] = time.milliseconds + row.timeoutMilliseconds
    }

    /// The outbox as it is now.
    func update(_ now: [OutboxRowID: CommandID?], step: (CommandID) -> StepDefinition?) {
        if rows.contains(where: { now[$0.key] == nil }) { rows = rows.filter { now[$0.key] != nil } }
        for (row, command) in now where rows[row] == nil {
            let step = command.flatMap(step)
            rows[row] = Row(
                command: command, participant: step?.participant, timeoutMilliseconds: step?.timeoutMilliseconds ?? 0,
                life: worker.life, since: time.milliseconds,
                isHeld: step.map { breakers[$0.participant] != nil } ?? false)
        }
    }

    /// The breakers as they are now: one opens for cause.
    func update(_ now: [StoredBreaker]) throws {
        defer { breakers = Dictionary(uniqueKeysWithValues: now.map { ($0.participant, $0) }) }
        for breaker in now where breakers[breaker.participant] == nil {
            lastAsked[breaker.participant] = time.milliseconds
            let count = unanswered[breaker.participant]?.count ?? 0
            guard count >= limit else {
                throw Breach("F20", "\(breaker.participant) is taken for silent after \(count) unanswered commands")
            }
        }
    }

    /// What the broker has said of a row, in this life of the worker.
    func heard(_ token: UInt64, _ outcome: PublishOutcome) {
        guard let index = rows.index(forKey: OutboxRowID(token)) else { return }
        switch outcome {
        case .confirmed: rows.values[index].confirmed = rows.values[index].confirmed ?? (worker.life, time.milliseconds)
        case .returned: rows.values[index].returnedIn = worker.life
        case .rejected, .unknown: break
        }
    }

    // MARK: Checked

    /// F20: who has answered a probe is let in gradually, by more than one at a time.
    func checkLetIn() throws {
        defer { hasAnsweredProbe = [] }
        guard !hasAnsweredProbe.isEmpty, mostAtOnce > 3, worker.publishingSince != nil else { return }
        // After a start, or an error of the file, what the outbox held goes first.
        guard worker.life == 1, worker.luck.count(of: .failCommit) == 0 else { return }
        for participant in hasAnsweredProbe.sorted() where isSilent(participant) {
            let isHeld = rows.values.contains { $0.participant == participant && $0.publishedIn != worker.life }
            guard isHeld, letOut[participant, default: [:]].count < 2 else { continue }
            throw Breach("F20", "\(participant) has answered, and is still sent one command at a time")
        }
    }

    /// Nothing is held back for nobody.
    func checkHeld(awaited: (CommandID) -> Bool) throws {
        // What is let out without a connection waits for the next one.
        guard let listening = worker.publishingSince, time.milliseconds - listening > 1000 else { return }
        let useless = rows.filter { _, row in
            guard row.isHeld, row.lastPublished == nil, row.life == worker.life, let command = row.command else {
                return false
            }
            return !awaited(command)
        }
        guard let (id, row) = useless.min(by: { $0.key < $1.key }), let command = row.command else { return }
        // After an error of the file what the outbox held goes first: it may have been let out and wait behind that.
        if worker.luck.count(of: .failCommit) > 0, rows.contains(where: { $0.key < id && $0.value.confirmed == nil }) {
            return
        }
        throw Breach("F20", "row \(id) (\(command)) is held back, although nobody awaits its answer")
    }

    /// What waits too long, now that the worker has taken a step.
    func check() throws {
        let now = time.milliseconds
        guard now >= nextCheck, let listening = worker.publishingSince else { return }
        nextCheck = now + 10_000
        let calm = max(listening, worker.consumingSince ?? now, worker.stoodStillUntil)
        for (id, row) in rows.sorted(by: { $0.key < $1.key }) {
            let what = "row \(id) (\(row.command.map { "\($0)" } ?? "no command"))"
            if let confirmed = row.confirmed, confirmed.life == worker.life {
                guard now - max(confirmed.at, calm) < Self.longestWait else {
                    throw Breach("I6", "\(what) stays in the outbox, although it is confirmed")
                }
            } else if let participant = row.participant, let breaker = breakers[participant] {
                let asked = max(lastAsked[participant] ?? 0, calm, row.since)
                guard now - asked < Self.longestSilence else {
                    throw Breach(
                        "F20", "nobody asks \(participant) whether it is back, probed \(breaker.probes) times")
                }
            } else {
                guard now - max(row.lastPublished ?? row.since, calm) < Self.longestWait else {
                    throw Breach("I6", "\(what) waits in the outbox, although the broker listens")
                }
            }
        }
    }

    /// Longer than any pause between two tries to publish.
    private static let longestWait: Int64 = 60_000
    /// Longer than any pause between two probes, with the wait for the first.
    private static let longestSilence: Int64 = 200_000

    // MARK: At rest

    func violationsAtRest(_ breakers: [StoredBreaker]) -> [String] {
        breakers.compactMap { breaker in
            let name = breaker.participant
            guard let answer = lastAnswer[name], answer.life == worker.life, answer.at > lastSilence[name] ?? 0 else {
                return nil
            }
            return "F20: \(name) is taken for silent, although it has answered and nothing is held back"
        }
    }
}
