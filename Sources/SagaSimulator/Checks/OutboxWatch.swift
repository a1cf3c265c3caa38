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
        let life: Int
        let since: Int64
        /// Its participant was taken for silent when it came.
        let isHeld: Bool
        var lastPublished: Int64?
        var confirmedAt: Int64?
        /// In which life of the worker it came back, since no queue took it.
        var returnedIn: Int?
    }

    private let time: VirtualTime
    private let worker: SimulatedProcess
    private let limit: Int
    private var rows: [OutboxRowID: Row] = [:]
    private var breakers: [String: StoredBreaker] = [:]
    private var lastAsked: [String: Int64] = [:]
    /// Different commands waited for in vain since a participant's last reply.
    private var unanswered: [String: Set<CommandID>] = [:]
    private var lastAnswer: [String: (life: Int, at: Int64)] = [:]
    private var lastSilence: [String: Int64] = [:]
    private var nextCheck: Int64 = 0

    /// - Parameter limit: how many commands a participant leaves unanswered before it is taken for silent.
    init(_ time: VirtualTime, _ worker: SimulatedProcess, limit: Int) {
        self.time = time
        self.worker = worker
        self.limit = limit
    }

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
    }

    func answered(_ participant: String) {
        unanswered[participant] = nil
        lastAnswer[participant] = (worker.life, time.milliseconds)
    }

    func published(_ token: UInt64, _ message: Message) {
        rows[OutboxRowID(token)]?.lastPublished = time.milliseconds
        if message.exchange == SkaldNames.commands { lastAsked[message.routingKey] = time.milliseconds }
    }

    /// The outbox as it is now.
    func update(_ now: [OutboxRowID: CommandID?], participant: (CommandID) -> String?) {
        for row in rows.keys where now[row] == nil { rows[row] = nil }
        for (row, command) in now where rows[row] == nil {
            let participant = command.flatMap(participant)
            rows[row] = Row(
                command: command, participant: participant, life: worker.life, since: time.milliseconds,
                isHeld: participant.map { breakers[$0] != nil } ?? false)
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

    // MARK: Checked

    /// What waits too long, now that the worker has taken a step.
    func check(awaited: (CommandID) -> Bool) throws {
        let now = time.milliseconds
        for row in rows.keys.sorted() { try note(row, awaited) }
        guard now >= nextCheck, let listening = worker.publishingSince else { return }
        nextCheck = now + 10_000
        let calm = max(listening, worker.consumingSince ?? now, worker.stoodStillUntil)
        for (id, row) in rows.sorted(by: { $0.key < $1.key }) {
            let what = "row \(id) (\(row.command.map { "\($0)" } ?? "no command"))"
            if let confirmedAt = row.confirmedAt {
                guard now - max(confirmedAt, calm) < Self.longestWait else {
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

    private func note(_ id: OutboxRowID, _ awaited: (CommandID) -> Bool) throws {
        guard var row = rows[id] else { return }
        let now = time.milliseconds
        switch worker.told[UInt64(id)] {
        case .confirmed: row.confirmedAt = row.confirmedAt ?? now
        case .returned: row.returnedIn = worker.life
        // What an earlier life was told is forgotten.
        case .rejected, .unknown, nil: row.confirmedAt = nil
        }
        rows[id] = row
        guard let command = row.command, !awaited(command), row.life == worker.life else { return }
        if row.isHeld, row.lastPublished == nil {
            throw Breach("F20", "row \(id) (\(command)) is held back, although nobody awaits its answer")
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
