import DurableSQLite
import GRDB
import SagaBus
import SagaCore

extension ParticipantCore {
    enum Item {
        /// A command or fence.
        case delivery(Delivery)
        case call(AnsweredCall)
    }

    /// Works through the items in one transaction. If that fails for a reason other than the file itself, each item
    /// gets a transaction of its own, so that only the one to blame is affected.
    func inOneTransaction(_ items: [Item], _ now: Timestamp) throws -> BatchOutcome {
        guard !items.isEmpty else { return BatchOutcome() }
        do {
            let outcome = try transaction(items, now)
            for call in outcome.calls { calling.insert(call.started.command) }
            return outcome
        } catch let error where error.isStorageTrouble {
            throw error
        } catch  where items.count > 1 {
            var all = BatchOutcome()
            for item in items { all.append(try inOneTransaction([item], now)) }
            return all
        } catch {
            return try failed(items[0], error)
        }
    }

    private func transaction(_ items: [Item], _ now: Timestamp) throws -> BatchOutcome {
        try database.queue.transaction { db in
            var outcome = BatchOutcome()
            for item in items {
                switch item {
                case .delivery(let delivery): try process(delivery, now, db, &outcome)
                case .call(let call): try finish(call, now, db, &outcome)
                }
            }
            crashPoints.reached(.participantBeforeCommit)
            return outcome
        }
    }

    private func failed(_ item: Item, _ error: any Error) throws -> BatchOutcome {
        var outcome = BatchOutcome()
        switch item {
        case .delivery(let delivery):
            let command = try Command.decode(delivery.message)
            outcome.fault(error, in: command.id, command.type)
            outcome.answer(.unforeseen, to: command, delivery.tag)
        case .call(let call):
            outcome.fault(error, in: call.call.started.command, call.call.started.type)
            outcome.answer(.unforeseen, to: call.call.command, call.call.delivery)
        }
        return outcome
    }

    /// Runs a handler in a savepoint and rolls back what it wrote unless it has succeeded. A refusal it throws is
    /// `failed`, except from the last phase of a call, which may have left an effect.
    func guarded(
        _ db: Database, _ context: CommandContext, _ outcome: inout BatchOutcome, refusalsAreFinal: Bool = true,
        _ body: () throws -> HandlerResult
    ) throws -> HandlerResult {
        var result = HandlerResult.unforeseen
        do {
            try db.inCachedSavepoint {
                result = try body()
                return result.outcome == .succeeded || PlantedBug.keepsWhatFailed.isPlanted ? .commit : .rollback
            }
        } catch let error where error.isStorageTrouble {
            throw error
        } catch let refusal as Refusal where refusalsAreFinal {
            return .failed(refusal)
        } catch {
            outcome.fault(error, in: context.id, context.type)
            return .unforeseen
        }
        return result
    }
}

extension BatchOutcome {
    mutating func answer(_ result: HandlerResult, to command: Command?, _ tag: DeliveryTag?) {
        guard let command else { return }
        let reply = result.reply(to: command.id, attempt: command.attempt)
        let traceparent = PlantedBug.losesTrace.isPlanted ? nil : command.traceparent
        replies.append(
            OutgoingReply(delivery: tag, message: reply.message(to: command.replyTo, traceparent: traceparent)))
    }

    mutating func fault(_ error: any Error, in command: CommandID, _ type: String) {
        faults.append(HandlerFault(command: command, type: type, description: "\(error)"))
    }

    mutating func append(_ other: BatchOutcome) {
        replies += other.replies
        calls += other.calls
        faults += other.faults
    }
}

extension HandlerResult {
    /// Says nothing about the cause: that is in the participant's log.
    static let unforeseen = HandlerResult.retry(
        code: RefusalCode.internal.rawValue, message: "the participant met an error of its own and has logged it")
    static let callIsUnsettled = HandlerResult.retry(
        afterMilliseconds: ParticipantCore.askAgainMilliseconds, code: RefusalCode.unsettled.rawValue,
        message: "a call to the outside is not settled yet")
}

extension Participant {
    func notUnderstood(_ command: Command) -> Refusal {
        let known = handlers.values.filter { $0.kind == command.id.kind }.map(\.type).sorted()
        return Refusal(
            code: .badCommand,
            message: "\(name) knows these commands as \(command.id.kind.rawValue): \(known.joined(separator: ", "))")
    }
}

extension Refusal {
    /// Where the answer to a command that cannot be understood goes: to whom it names, else to the dead letters.
    func answer(to message: Message) -> Message {
        let properties = message.properties
        guard let replyTo = properties.replyAddress, let id = properties.messageID.flatMap(CommandID.init) else {
            return DeadLetter.message(for: message, reason: self)
        }
        // The attempt may be what is wrong; a reply that carries such a one is refused as well.
        let attempt = (try? Command.attempt(of: message)) ?? 1
        let place = path.isEmpty ? "" : "\(path): "
        let result = HandlerResult.failed(
            code: RefusalCode.badCommand.rawValue, message: "\(code): \(place)\(self.message)")
        return result.reply(to: id, attempt: attempt).message(to: replyTo)
    }
}
