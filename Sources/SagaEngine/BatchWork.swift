import DurableSQLite
import SagaBus
import SagaCore
import SagaStore

/// The work of one transaction: what has changed so far, seen by the inputs that come later in the batch.
///
/// Its topics are in the files `BatchWork+….swift`.
struct BatchWork {
    let core: EngineCore
    let transaction: StoreTransaction
    let now: Timestamp
    var random: SplitMix64
    var nextRow: OutboxRowID
    var changed: [SagaID: SagaState] = [:]
    /// Commands that this batch has committed, for a newer attempt to replace.
    var added = UnsentCommands()
    var removedRows: [OutboxRowID] = []
    var savedHashes: Set<String> = []
    /// Sagas that were marked as such; what is remembered of them is not to be trusted.
    var unreadable: Set<SagaID> = []
    /// By participant; those that are as new are left out.
    var breakers: [String: CircuitBreaker]
    var held = HeldCommands.Changes()
    var result = BatchResult()

    init(
        core: EngineCore, transaction: StoreTransaction, now: Timestamp, random: SplitMix64, nextRow: OutboxRowID
    ) {
        self.core = core
        self.transaction = transaction
        self.now = now
        self.random = random
        self.nextRow = nextRow
        breakers = core.breakers
    }

    var settings: EngineSettings { core.settings }

    mutating func handle(_ delivery: Delivery) throws {
        // A dead letter is kept however large it is.
        guard delivery.message.body.count <= JSONLimits.message.maxBytes || delivery.consumer == .deadLetters else {
            return try refuse(
                delivery,
                Refusal(code: .messageTooLarge, message: "at most \(JSONLimits.message.maxBytes) bytes are taken"))
        }
        if PlantedBug.dropsWhatComesAgain.isPlanted, delivery.isRedelivered { return }
        switch delivery.consumer {
        case .starts: try start(delivery)
        case .replies: try reply(delivery)
        case .operatorRequests: try operatorRequest(delivery)
        case .deadLetters: try store(DeadLetter.decode(delivery.message))
        default: preconditionFailure("the engine opens no consumer \(delivery.consumer.name)")
        }
    }

    mutating func removeFromOutbox(_ rows: [OutboxRowID]) throws {
        guard !rows.isEmpty else { return }
        try transaction.removeFromOutbox(rows)
        removedRows += rows
        for row in rows { held.remove(row, from: core.held) }
    }

    /// Of messages that no queue takes, those leave the outbox that no timer will ever decide about: commands of a saga
    /// that has ended, whose replies nobody awaits, and replayed messages, which are dead letters again.
    mutating func settleReturned(_ rows: Set<OutboxRowID>) throws {
        for id in rows.sorted() {
            guard let row = try transaction.outboxRow(id) else { continue }
            if let command = row.command {
                guard try status(of: command.saga)?.isTerminal == true else { continue }
            } else {
                let detail =
                    "no queue takes what is sent to \"\(row.exchange)\" with the routing key \"\(row.routingKey)\""
                try store(DeadLetter(reason: .noQueue, detail: detail, original: Message(row)), saga: row.saga)
            }
            try removeFromOutbox([id])
            result.replaced.append(id)
        }
    }

    // MARK: Sagas

    func state(of id: SagaID) throws -> SagaState? {
        try changed[id] ?? core.cache[id] ?? core.state(of: id, in: transaction)
    }

    /// Also of a saga that has been pruned.
    func status(of id: SagaID) throws -> SagaStatus? {
        if let state = changed[id] ?? core.cache[id] { return state.status }
        if let status = try transaction.status(of: id) { return status }
        if PlantedBug.forgetsPruned.isPlanted { return nil }
        return try transaction.pruned(id)?.status
    }

    /// Writes what the machine decided: events, index row, messages.
    mutating func apply(_ decision: Decision, isNew: Bool = false, replyTo: String? = nil) throws {
        guard !decision.events.isEmpty else { return }
        let state = decision.state
        if isNew {
            try transaction.insert(state)
        } else {
            try transaction.update(state, from: changed[state.id] ?? core.cache[state.id])
        }
        try transaction.append(decision.events, of: state, at: now)
        changed[state.id] = state
        for effect in decision.effects {
            switch effect {
            case .send(let command): try send(command, of: state)
            case .publish(let type, let sequence): try publish(type, sequence: sequence, of: state)
            case .answer(let requestID, let answer):
                if let replyTo { try self.answer(requestID, answer, saga: state, to: replyTo) }
            }
        }
        if !isNew { try dropUnawaited(state) }
        note(decision)
    }

    private mutating func note(_ decision: Decision) {
        let state = decision.state
        for event in decision.events {
            switch event {
            case .stuck(let step, let error):
                result.notices.append(
                    .sagaStuck(state.id, step: step.map { state.definition.steps[$0].name }, code: error.code))
            case .succeeded(let step, _, _, contradicts: true):
                result.notices.append(.contradiction(state.id, step: state.definition.steps[step].name))
            case .completed, .compensated, .abandoned: result.notices.append(.sagaEnded(state.id, state.status))
            default: break
            }
        }
    }

    /// A fault of ours stops one saga, visibly, not the worker.
    mutating func makeStuck(_ id: SagaID, _ error: any Error) throws {
        guard let status = try transaction.summary(of: id)?.status, !status.isTerminal else { return }
        let cause = (error as? Refusal) ?? Refusal(code: .internal, message: "\(error)".replacingNULs)
        let fault = Refusal(code: .internal, path: cause.path, message: cause.description)
        let (before, transaction) = (self, self.transaction)
        do {
            try transaction.alone {
                guard let state = try state(of: id) else { throw fault }
                try apply(try SagaMachine.decide(state, .fault(fault), at: now, using: &random))
            }
        } catch  where !error.isStorageTrouble {
            // Not even that can be written into its history.
            self = before
            result.notices.append(.sagaStuck(id, step: nil, code: fault.code.rawValue))
            unreadable.insert(id)
            try transaction.markUnreadable(id, StepError(code: fault.code.rawValue, message: fault.message))
        }
    }

    // MARK: Messages out

    private mutating func send(_ command: OutgoingCommand, of state: SagaState) throws {
        if let old = added.row(of: command.id) ?? core.unsent.row(of: command.id),
            !PlantedBug.leavesReplacedRow.isPlanted
        {
            try removeFromOutbox([old])
            result.replaced.append(old)
            result.outgoing.removeAll { $0.id == old }
        }
        let message = Command(
            id: command.id, type: command.action ?? Command.fenceType, attempt: command.attempt,
            participant: command.participant, replyTo: SkaldNames.replyQueue(shard: settings.shard),
            traceparent: state.traceparent, body: command.body
        ).message()
        let row = try post(message, saga: state.id, command: command.id, isHeld: isHeldBack(command.participant))
        added.insert(row, command.id)
        if isHeldBack(command.participant) { held.insert(row, for: command.participant) }
    }

    private mutating func publish(_ type: String, sequence: Int, of state: SagaState) throws {
        let id = "\(state.id)/\(sequence)"
        var body = ByteWriter()
        body.append("{")
        body.append(member: "specversion", "1.0")
        body.append(member: "id", id)
        body.append(member: "source", "/skald/\(settings.shard)")
        body.append(member: "type", type)
        body.append(member: "subject", state.key)
        body.append(member: "time", now.iso8601)
        body.append(member: "datacontenttype", "application/json")
        body.append(member: "data")
        body.append("{")
        body.append(member: "saga", state.id.description)
        body.append(member: "definition", state.definition.name)
        body.append(member: "version", Int64(state.definition.version))
        body.append(member: "status", state.status.rawValue)
        body.append(member: "reason", state.rollback?.reason.rawValue)
        body.append(member: "code", state.lastError?.code)
        body.append("}}")
        var properties = MessageProperties(
            contentType: "application/cloudevents+json", messageID: id, correlationID: state.id.description, type: type)
        if let traceparent = state.traceparent { properties.headers.append(("traceparent", .string(traceparent))) }
        try post(
            Message(
                exchange: SkaldNames.events, routingKey: "\(state.definition.name).\(type)", properties: properties,
                body: body.bytes), saga: state.id)
    }

    mutating func answer(
        _ requestID: String, _ answer: OperatorAnswer, saga: SagaState, to replyTo: String
    ) throws {
        switch answer {
        case .applied(let text):
            try post(
                Answer(
                    kind: .applied, requestID: requestID,
                    body: [
                        "saga": .string(saga.id.description), "status": .string(saga.status.rawValue),
                        "sequence": .number(JSONNumber(Int64(saga.sequence))), "message": .string(text),
                    ]
                ).message(to: replyTo))
        case .refused(let refusal):
            try post(Answer(refusing: requestID, refusal, saga: saga.id).message(to: replyTo))
        }
    }

    /// Commits a message to the outbox.
    @discardableResult
    mutating func post(
        _ message: Message, saga: SagaID? = nil, command: CommandID? = nil, isHeld: Bool = false
    ) throws -> OutboxRowID {
        var message = message
        message.routingKey = message.routingKey.replacingNULs
        let outgoing = OutboxMessage(id: nextRow, saga: saga, command: command, message: message)
        nextRow += 1
        try transaction.insert(outgoing.row, at: now)
        if isHeld { result.heldBack += 1 } else { result.outgoing.append(outgoing) }
        return outgoing.id
    }

    // MARK: Refusals

    /// Tells the sender where there is one, else keeps the message as a dead letter.
    mutating func refuse(_ delivery: Delivery, _ refusal: Refusal, saga: SagaID? = nil) throws {
        let properties = delivery.message.properties
        let isRequest = delivery.consumer == .starts || delivery.consumer == .operatorRequests
        guard isRequest, let replyTo = properties.replyAddress else {
            return try deadLetter(delivery, refusal, saga: saga)
        }
        var requestID = properties.messageID ?? ""
        // One that would have been taken is answered to: its sender knows its answers by it.
        if requestID.utf8.count > 255 || requestID.hasControlCharacters { requestID = "" }
        result.notices.append(.refused(code: refusal.code.rawValue, detail: refusal.description))
        try post(Answer(refusing: requestID, refusal, saga: saga).message(to: replyTo))
    }

    mutating func deadLetter(_ delivery: Delivery, _ refusal: Refusal, saga: SagaID? = nil) throws {
        try store(
            DeadLetter(reason: refusal.code, detail: refusal.description, original: delivery.message), saga: saga)
    }

    mutating func store(_ letter: DeadLetter, saga: SagaID? = nil) throws {
        let saga = saga ?? letter.original.properties.correlationID.flatMap { CommandID($0)?.saga }
        try transaction.addDeadLetter(
            at: now, reason: letter.reason.rawValue.replacingNULs, detail: letter.detail.replacingNULs, saga: saga,
            exchange: letter.original.exchange.replacingNULs, routingKey: letter.original.routingKey.replacingNULs,
            properties: letter.original.properties.storable.encodedJSON, body: letter.original.body)
        result.notices.append(.deadLetter(reason: letter.reason.rawValue, detail: letter.detail))
    }

    /// An input that fails even alone: its saga is stuck, the message is kept.
    mutating func giveUp(_ delivery: Delivery, _ error: any Error) throws {
        let refusal = (error as? Refusal) ?? Refusal(code: .internal, message: "\(error)".replacingNULs)
        result.notices.append(.inputFailed(refusal.description))
        let saga = delivery.message.properties.correlationID.flatMap { CommandID($0)?.saga }
        if delivery.consumer == .replies, let saga { try makeStuck(saga, error) }
        try deadLetter(delivery, refusal, saga: saga)
    }
}
