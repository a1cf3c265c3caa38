import DurableSQLite
import SagaBus
import SagaCore
import SagaStore

/// The circuit breakers at work: what is heard of each participant, what is held back for it and what is let out.
extension BatchWork {
    // MARK: Heard

    /// A reply is a sign of life, whatever it says and however late it is.
    mutating func heard(_ command: CommandID, of state: SagaState) {
        guard let step = state.definition.index(ofStep: command.step) else { return }
        let participant = state.definition.steps[step].participant
        let wasProbed = breakers[participant]?.phase == .probing
        breakers[participant]?.answered(command, at: now)
        if wasProbed, breakers[participant]?.phase == .admitting {
            result.notices.append(.participantAnswers(participant, held: held.count(of: participant, in: core.held)))
        }
    }

    /// Notes the commands that `decision` has waited for in vain. One that no queue takes says nothing of its participant.
    mutating func noteSilence(_ decision: Decision, of before: SagaState) {
        for event in decision.events {
            let (step, kind): (Int, CommandID.Kind)
            switch event {
            case .backedOff(let index, let of, _, .timeout), .unsettled(let index, let of, .timeout):
                (step, kind) = (index, of)
            default: continue
            }
            let definition = before.definition.steps[step]
            let command = CommandID(
                saga: before.id, step: definition.name, kind: kind, round: before.steps[step][kind].round)
            guard before.steps[step][kind].isInFlight, core.unsent.row(of: command) == nil else { continue }
            let opens = breakers[definition.participant, default: CircuitBreaker()].timedOut(
                command, sentAt: now.adding(milliseconds: -definition.timeoutMilliseconds), at: now,
                limit: settings.unansweredLimit)
            if opens { noteSilent(definition.participant) }
        }
    }

    private mutating func noteSilent(_ participant: String) {
        guard let since = breakers[participant]?.silentSince else { return }
        result.notices.append(.participantSilent(participant, since: since))
    }

    // MARK: Held back

    func isHeldBack(_ participant: String) -> Bool { breakers[participant]?.holds == true }

    /// Commands of this saga that are held back, with their rows.
    func heldCommands(of saga: SagaID) -> [CommandID: OutboxRowID] {
        guard core.held.count > 0 || !held.added.isEmpty else { return [:] }
        var commands: [CommandID: OutboxRowID] = [:]
        for command in core.unsent.commands(of: saga) { commands[command] = core.unsent.row(of: command) }
        for command in added.commands(of: saga) { commands[command] = added.row(of: command) }
        return commands.filter { held.isHeld($0.value, in: core.held) }
    }

    /// What is held back of a saga leaves the outbox when a reply to it would change nothing any more: the saga has been
    /// answered through an earlier attempt, goes back, or has ended.
    mutating func dropUnawaited(_ state: SagaState) throws {
        for (command, row) in heldCommands(of: state.id).sorted(by: { $0.value < $1.value })
        where !state.awaits(command) && !PlantedBug.keepsHeldForNobody.isPlanted { try drop(command, row) }
    }

    private mutating func drop(_ command: CommandID, _ row: OutboxRowID) throws {
        try removeFromOutbox([row])
        added.remove(row)
    }

    // MARK: Let out

    /// Lets out what the breakers have room for, and closes those that have nothing left to hold.
    ///
    /// - Parameter connected: since when replies can arrive. Nil if not all of them have: then no time passes for the
    ///   breakers.
    mutating func runBreakers(since connected: Timestamp?) throws {
        for participant in breakers.keys.sorted() where isHeldBack(participant) {
            if let connected { look(participant, since: connected) }
            if let breaker = breakers[participant], connected != nil || breaker.phase == .admitting {
                try letOut(participant, upTo: min(breaker.room(at: now), settings.batchLimit))
            }
            if breakers[participant]?.closes(held: held.count(of: participant, in: core.held)) == true {
                result.notices.append(.participantIsBack(participant))
            }
        }
    }

    private mutating func look(_ participant: String, since connected: Timestamp) {
        let wasAdmitting = breakers[participant]?.phase == .admitting
        let (core, added, held) = (core, added, held)
        breakers[participant]?.look(at: now, connectedSince: connected) { command in
            let isUnsent = core.unsent.commands(of: command.saga).contains(command)
            guard let row = added.row(of: command) ?? (isUnsent ? core.unsent.row(of: command) : nil) else {
                return false
            }
            // What is held is a further attempt: the one that was let out had left.
            return !held.isHeld(row, in: core.held)
        }
        if wasAdmitting, breakers[participant]?.phase == .probing { noteSilent(participant) }
    }

    private mutating func letOut(_ participant: String, upTo room: Int) throws {
        guard room > 0 else { return }
        let isProbe = breakers[participant]?.phase == .probing
        var left = room
        for row in held.first(settings.batchLimit, of: participant, in: core.held) where left > 0 {
            if try letOut(row, participant) { left -= 1 }
        }
        guard isProbe, left < room, let breaker = breakers[participant] else { return }
        result.notices.append(
            .participantProbed(
                participant, held: held.count(of: participant, in: core.held), next: breaker.nextProbeAt))
    }

    /// Publishes a held row, unless nobody awaits its reply any more; says which.
    private mutating func letOut(_ id: OutboxRowID, _ participant: String) throws -> Bool {
        guard let row = try transaction.outboxRow(id), let command = row.command else {
            try removeFromOutbox([id])
            return false
        }
        var waitMilliseconds: Int64 = 0
        let (before, transaction) = (self, self.transaction)
        do {
            try transaction.alone {
                guard let state = try state(of: command.saga) else { return }
                guard state.awaits(command), let index = state.definition.index(ofStep: command.step) else {
                    return try drop(command, id)
                }
                waitMilliseconds = state.definition.steps[index].timeoutMilliseconds
                // Drops the row if the saga goes back on it.
                try apply(try SagaMachine.decide(state, .leaves(command), at: now, using: &random))
            }
        } catch  where !error.isStorageTrouble {
            // Its saga cannot be read, which is that one's trouble. The command was committed, so it goes out.
            self = before
        }
        guard held.isHeld(id, in: core.held) else { return false }
        held.remove(id, from: core.held)
        breakers[participant]?.letOut(command, waiting: waitMilliseconds, at: now)
        result.outgoing.append(OutboxMessage(row))
        return true
    }
}
