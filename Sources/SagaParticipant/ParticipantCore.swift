import DurableSQLite
import GRDB
import SagaBus
import SagaCore

/// Executes commands in batches, one transaction each; synchronous, without clock, thread or bus.
///
/// The shell publishes ``BatchOutcome/replies`` after ``process(_:now:)`` has returned, acknowledges each delivery
/// when its reply is confirmed, performs ``BatchOutcome/calls`` and hands them to ``finish(_:now:)``. An error thrown
/// from here means that nothing of the batch was done: the disk is full, the file is locked or broken.
public final class ParticipantCore {
    public let participant: Participant
    public let database: ParticipantDatabase
    let crashPoints: CrashPoints
    /// The commands whose call is being made, so that a second attempt does not make it again at the same time.
    var calling: Set<CommandID> = []

    /// How long the orchestrator is asked to wait for a call that is being made or settled.
    static let askAgainMilliseconds: Int64 = 250

    public convenience init(participant: Participant, database: ParticipantDatabase) {
        self.init(participant: participant, database: database, crashPoints: .none)
    }

    package init(participant: Participant, database: ParticipantDatabase, crashPoints: CrashPoints) {
        self.participant = participant
        self.database = database
        self.crashPoints = crashPoints
    }

    /// Executes these commands and fences, in order.
    public func process(_ batch: [Delivery], now: Timestamp) throws -> BatchOutcome {
        try process(batch, finishing: [], now: now)
    }

    /// Writes down what calls have come to, and answers the commands that wait for them.
    public func finish(_ calls: [AnsweredCall], now: Timestamp) throws -> BatchOutcome {
        try process([], finishing: calls, now: now)
    }

    /// Both in one transaction, the calls first.
    public func process(_ batch: [Delivery], finishing calls: [AnsweredCall], now: Timestamp) throws -> BatchOutcome {
        let back = Set(calls.map(\.call.started.command))
        calling.subtract(back)
        do {
            return try inOneTransaction(calls.map(Item.call) + batch.map(Item.delivery), now)
        } catch {
            // They will be handed in again.
            calling.formUnion(back)
            throw error
        }
    }

    /// The calls that were under way when this participant last stopped, to be made again.
    public func unsettledCalls(limit: Int = 1000) throws -> [OutsideCall] {
        let started = try database.queue.unsafeRead { db in try Barrier(db).startedCalls(limit: limit) }
        let calls = started.compactMap { outsideCall($0, for: nil, nil) }
        for call in calls { calling.insert(call.started.command) }
        return calls
    }

    /// Does what is due by itself: the participant's own maintenance, and dropping records older than 30 days.
    public func maintain(now: Timestamp) throws {
        try database.queue.transaction { db in
            try participant.maintain(db, now)
            try Barrier(db).prune(now: now)
        }
    }

    // MARK: - One command

    func process(_ delivery: Delivery, _ now: Timestamp, _ db: Database, _ outcome: inout BatchOutcome) throws {
        let command: Command
        do {
            command = try Command.decode(delivery.message)
        } catch {
            outcome.replies.append(OutgoingReply(delivery: delivery.tag, message: error.answer(to: delivery.message)))
            return
        }
        let barrier = Barrier(db)
        switch try barrier.admit(command, now: now) {
        case .answered(let result):
            outcome.answer(result, to: command, delivery.tag)
        case .started(let call):
            resume(call, command, delivery.tag, &outcome)
        case .admitted(let actionOutput):
            guard let handler = participant.handlers[command.type], handler.kind == command.id.kind else {
                let refusal = HandlerResult.failed(participant.notUnderstood(command))
                try barrier.record(refusal, of: command, now: now)
                return outcome.answer(refusal, to: command, delivery.tag)
            }
            let context = CommandContext(
                id: command.id, type: command.type, input: command.actionInput, actionOutput: actionOutput, now: now)
            try execute(command, context, handler, barrier, delivery.tag, &outcome)
        }
    }

    private func execute(
        _ command: Command, _ context: CommandContext, _ handler: CommandHandler, _ barrier: Barrier,
        _ tag: DeliveryTag, _ outcome: inout BatchOutcome
    ) throws {
        switch handler.work {
        case .transactional(let handle):
            let result = try guarded(barrier.database, context, &outcome) { try handle(barrier.database, context) }
            if PlantedBug.barrierOutsideTransaction.isPlanted {
                try barrier.database.commit()
                try barrier.database.beginTransaction()
            }
            try barrier.record(result, of: command, now: context.now)
            outcome.answer(result, to: command, tag)
        case .outside(let work):
            var parameters: JSONObject?
            let result = try guarded(barrier.database, context, &outcome) {
                switch try work.prepare(barrier.database, context) {
                case .settled(let result): return result
                case .call(let wanted):
                    parameters = wanted
                    return .succeeded([:])
                }
            }
            guard let parameters else {
                try barrier.record(result, of: command, now: context.now)
                return outcome.answer(result, to: command, tag)
            }
            let key = command.id.description
            try barrier.start(command, key: key, parameters: parameters, now: context.now)
            let started = StartedCall(
                command: command.id, type: command.type, input: command.actionInput, key: key, parameters: parameters)
            outcome.calls.append(OutsideCall(started: started, command: command, delivery: tag, work: work))
        }
    }

    /// Repeats a call that is not settled, be it this command's own or the one this command has to wait for.
    private func resume(_ call: StartedCall, _ command: Command, _ tag: DeliveryTag, _ outcome: inout BatchOutcome) {
        let isBeingMade =
            calling.contains(call.command) || outcome.calls.contains { $0.started.command == call.command }
        let isItsOwn = call.command == command.id
        if !isBeingMade, !PlantedBug.dropsUnsettledCall.isPlanted {
            guard let made = outsideCall(call, for: isItsOwn ? command : nil, isItsOwn ? tag : nil) else {
                return outcome.answer(.callIsUnsettled, to: command, tag)
            }
            outcome.calls.append(made)
            if isItsOwn { return }
        }
        outcome.answer(.callIsUnsettled, to: command, tag)
    }

    private func outsideCall(_ call: StartedCall, for command: Command?, _ tag: DeliveryTag?) -> OutsideCall? {
        guard !calling.contains(call.command), case .outside(let work) = participant.handlers[call.type]?.work
        else { return nil }
        return OutsideCall(started: call, command: command, delivery: tag, work: work)
    }

    func finish(_ call: AnsweredCall, _ now: Timestamp, _ db: Database, _ outcome: inout BatchOutcome) throws {
        let started = call.call.started
        if PlantedBug.takesSilenceForRefusal.isPlanted, case .unsettled = call.answer {
            let refusal = HandlerResult.failed(code: "NOT_FOUND", message: "the gateway knows nothing of it")
            try Barrier(db).settle(started.command, refusal, now: now)
            return outcome.answer(refusal, to: call.call.command, call.call.delivery)
        }
        guard case .definite(let answer) = call.answer else {
            return outcome.answer(.callIsUnsettled, to: call.call.command, call.call.delivery)
        }
        let barrier = Barrier(db)
        let facts = try barrier.facts(of: started.command)
        guard facts.started?.command == started.command else {
            let stored = facts.answer(to: started.command) ?? .callIsUnsettled
            return outcome.answer(stored, to: call.call.command, call.call.delivery)
        }
        let context = CommandContext(
            id: started.command, type: started.type, input: started.input,
            actionOutput: started.command.kind == .compensation ? facts.success(of: .action) : nil, now: now)
        let result = try guarded(db, context, &outcome, refusalsAreFinal: false) {
            try call.call.work.finish(db, context, started.parameters, answer)
        }
        try barrier.settle(started.command, result, now: now)
        outcome.answer(result, to: call.call.command, call.call.delivery)
    }
}
