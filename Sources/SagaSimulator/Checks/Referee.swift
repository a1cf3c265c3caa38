import SagaBus
import SagaCore
import SagaEngine
import SagaStore

/// Who stands beside a process and notes what it is told and what it says.
protocol Witness: AnyObject {
    /// It starts.
    func begins()
    func gets(_ delivery: Delivery)
    func acknowledges(_ tag: DeliveryTag, of consumer: ConsumerID)
    func publishes(_ token: UInt64, _ message: Message)
    /// The broker's word for what it published.
    func isTold(_ token: UInt64, _ outcome: PublishOutcome)
}

/// Holds what the worker writes and says against what it was told, saga by saga, by notes of its own.
final class Referee {
    private var heard = Hearsay()
    private var notes: [SagaID: SagaNotes] = [:]
    private var greatest: SagaID?
    /// The sagas of each business key, oldest first.
    private var owners: [String: [SagaID]] = [:]
    private var startedAt: [SagaID: Int64] = [:]
    private var received: [ConsumerID: [DeliveryTag: Received]] = [:]
    /// Since the last look.
    private var acknowledged: [Received] = []
    private(set) var published: [(token: UInt64, message: Message)] = []
    /// By request: how often it was acknowledged, and the rows that answer it, with the life that published them.
    private var requests: [String: (acknowledged: Int, answers: Set<String>)] = [:]
    private var requestIDs: [String] = []
    /// The row that carries each event.
    private var rows: [String: UInt64] = [:]

    private struct Received {
        let delivery: Delivery
        let reply: Reply?
    }

    func hasHeardSuccess(of command: CommandID) -> Bool {
        heard.replies(to: command.saga, command.step, command.kind).contains { $0.outcome == .succeeded }
    }

    subscript(saga: SagaID) -> SagaNotes? { notes[saga] }

    func step(of command: CommandID) -> StepDefinition? {
        guard let definition = notes[command.saga]?.definition else { return nil }
        return definition.index(ofStep: command.step).map { definition.steps[$0] }
    }

    // MARK: Seen

    /// The worker starts: what it held when it died comes again.
    func begins() { received = [:] }

    func gets(_ delivery: Delivery) {
        let reply = heard.note(delivery)
        received[delivery.consumer, default: [:]][delivery.tag] = Received(delivery: delivery, reply: reply)
    }

    func acknowledges(_ tag: DeliveryTag, of consumer: ConsumerID) {
        if let taken = received[consumer]?.removeValue(forKey: tag) { acknowledged.append(taken) }
    }

    func publishes(_ token: UInt64, _ message: Message) { published.append((token, message)) }

    // MARK: Histories

    func note(_ line: HistoryLine, at milliseconds: Int64, isSilent: @escaping (String) -> Bool) throws {
        // Taken out, so that it is changed where it is.
        var saga = notes.removeValue(forKey: line.saga) ?? SagaNotes(id: line.saga, definition: line.definition)
        let isNew = saga.sequence == 0
        do {
            try saga.note(line, SagaNotes.Circumstances(heard: heard, isSilent: isSilent))
            if isNew {
                try begin(saga)
                startedAt[saga.id] = milliseconds
            }
        } catch let breach as Breach {
            throw breach.about(line.saga)
        }
        notes[line.saga] = saga
    }

    /// Rule 22: one saga for a key, and a successor only for the last one, which has ended without effect. Rule 15: one
    /// content for a version, while a saga is open.
    private func begin(_ saga: SagaNotes) throws {
        if let greatest, saga.id <= greatest { throw Breach("rule 27", "its id is not greater than those before it") }
        greatest = saga.id
        let key = "\(saga.definition.name) \(saga.key)"
        if let last = owners[key]?.last {
            guard saga.again == last else { throw Breach("rule 22", "its key has been taken by \(last)") }
            switch notes[last]?.end {
            case .compensated, .abandoned: break
            default: throw Breach("rule 22", "it succeeds \(last), which was neither compensated nor abandoned")
            }
        } else if saga.again != nil {
            throw Breach("rule 22", "it succeeds a saga of another key")
        }
        let isOther = notes.values.contains {
            $0.end == nil && $0.definition.name == saga.definition.name
                && $0.definition.version == saga.definition.version
                && $0.definition.contentHash != saga.definition.contentHash
        }
        if isOther { throw Breach("rule 15", "it starts under other content than open sagas of its version have") }
        owners[key, default: []].append(saga.id)
    }

    // MARK: Messages

    /// Whose replies were acknowledged since the last look.
    var answered: [(command: CommandID, participant: String)] {
        acknowledged.compactMap { taken in
            taken.reply.flatMap { reply in step(of: reply.command).map { (reply.command, $0.participant) } }
        }
    }

    /// Checks what was acknowledged and published since the last look, once the histories have been read.
    ///
    /// - Parameter since: when a row of the outbox came.
    func settle(life: Int, since: (UInt64) -> Int64?) throws {
        defer { (acknowledged, published) = ([], []) }
        for taken in acknowledged { try check(taken) }
        for (token, message) in published {
            switch message.exchange {
            case SkaldNames.commands: try checkCommand(message)
            case SkaldNames.events: try checkEvent(token, message)
            default: try checkAnswer(message, row: "\(life)/\(token)", since: since(token))
            }
        }
    }

    /// Whatever was acknowledged has had its effect.
    private func check(_ taken: Received) throws {
        switch taken.delivery.consumer {
        case .replies:
            guard let reply = taken.reply, let saga = notes[reply.command.saga],
                !saga.hasFault, let step = saga.definition.index(ofStep: reply.command.step)
            else { return }
            let command = saga.steps[step][reply.command.kind]
            let isIgnored =
                switch reply.outcome {
                case .succeeded: command.wait != .nothing
                case .failed:
                    command.wait != .nothing && command.round == reply.command.round
                        && (reply.command.kind != .fence || reply.isFenced)
                case .retry:
                    command.isOut && command.round == reply.command.round && command.attempt == reply.attempt
                }
            if reply.outcome == .succeeded, reply.command.kind == .action, saga.end == nil, command.isRefused,
                !saga.steps[step].isDone, !saga.steps[step].isPassedOver
            {
                throw Breach("rule 11", "\(reply.command) succeeded after all, and is refused still").about(saga.id)
            }
            if isIgnored { throw Breach("F2", "\(reply.command) was answered, and is waited for still").about(saga.id) }
        case .starts, .operatorRequests:
            let id = taken.delivery.message.properties.messageID ?? ""
            if requests[id] == nil { requestIDs.append(id) }
            requests[id, default: (0, [])].acknowledged += 1
        default: break
        }
    }

    private func checkCommand(_ message: Message) throws {
        guard let id = message.properties.messageID.flatMap({ CommandID($0) }), let draft = notes[id.saga]?.drafts[id]
        else { throw Breach("rule 2", "\(message.summary) goes out and is in no history") }
        guard message.properties.type == draft.type, message.routingKey == draft.participant else {
            throw Breach("rule 2", "\(message.summary) goes to \(message.routingKey) as no step of its saga does")
        }
        try checkTrace(message, notes[id.saga])
        guard message.body == draft.body else {
            throw Breach("rule 12", "\(message.summary) does not carry what its definition and the history say")
        }
    }

    /// Rule 28: each event of a history is told once, under its number and its name.
    private func checkEvent(_ token: UInt64, _ message: Message) throws {
        let id = message.properties.messageID ?? ""
        guard let saga = message.properties.correlationID.flatMap({ SagaID($0) }), let notes = notes[saga],
            let sequence = id.split(separator: "/").last.flatMap({ Int($0) }), id == "\(saga)/\(sequence)",
            let type = notes.announcements[sequence]
        else { throw Breach("rule 28", "\(message.summary) tells what has not happened") }
        guard message.properties.type == type else {
            throw Breach("rule 28", "\(message.summary) should be \(type)")
        }
        try checkTrace(message, notes)
        guard rows.updateValue(token, forKey: id) ?? token == token else {
            throw Breach("rule 28", "\(message.summary) is in the outbox twice")
        }
    }

    /// Commands and events carry the trace of the request that started their saga.
    private func checkTrace(_ message: Message, _ saga: SagaNotes?) throws {
        guard message.properties.header("traceparent") == saga?.traceparent.map(HeaderValue.string) else {
            throw Breach("trace", "\(message.summary) is not of the trace its saga was started in")
        }
    }

    /// Rules 21 and 22: an answer says what the histories say.
    private func checkAnswer(_ message: Message, row: String, since: Int64?) throws {
        guard let answer = try? Answer.decode(message) else { return }
        requests[answer.requestID, default: (0, [])].answers.insert(row)
        guard let saga = answer.body["saga"]?.string.flatMap({ SagaID($0) }), let notes = notes[saga] else { return }
        switch (answer.kind, notes.answers[answer.requestID]) {
        case (.applied, .applied(let text)) where answer.body["message"]?.string == text: break
        case (.refused, .refused(let refusal)) where answer.code == refusal.code.rawValue: break
        case (.applied, _), (_, .some):
            throw Breach("rule 21", "\(answer.requestID) gets another answer than its history has").about(saga)
        case (.accepted, nil): try checkAccepted(answer, notes, since)
        case (.refused, nil): break
        }
    }

    private func checkAccepted(_ answer: Answer, _ saga: SagaNotes, _ since: Int64?) throws {
        guard let request = heard.start(answer.requestID) else { return }
        guard request.input.canonical == saga.input.canonical else {
            throw Breach("rule 22", "\(answer.requestID) is accepted, and its saga has other input").about(saga.id)
        }
        if let again = request.again {
            guard saga.again == again else {
                throw Breach("rule 22", "\(answer.requestID) is accepted, and is no successor of \(again)").about(
                    saga.id)
            }
        } else if let last = lastOwner(like: saga), last != saga.id, let since, let started = startedAt[last],
            started < since
        {
            throw Breach("rule 22", "\(answer.requestID) is given it, although \(last) has its key").about(saga.id)
        }
    }

    /// The latest saga with this one's key and input.
    private func lastOwner(like saga: SagaNotes) -> SagaID? {
        owners["\(saga.definition.name) \(saga.key)"]?.last { notes[$0]?.input.canonical == saga.input.canonical }
    }

    // MARK: At rest

    /// - Parameter isShort: the worker has died over messages, which it set aside without an answer.
    func violationsAtRest(isShort: Bool) -> [String] {
        var violations: [String] = []
        for id in requestIDs {
            guard let request = requests[id], request.answers.count < request.acknowledged, !isShort else { continue }
            violations.append(
                "rule 21: \(id) was taken \(request.acknowledged) times and answered \(request.answers.count) times")
        }
        for saga in notes.values.sorted(by: { $0.id < $1.id }) {
            for (sequence, type) in saga.announcements.sorted(by: { $0.key < $1.key })
            where rows["\(saga.id)/\(sequence)"] == nil {
                violations.append("rule 28: saga \(saga.id): \(type) of line \(sequence) was never published")
            }
        }
        return violations
    }
}

extension Breach {
    /// With the saga it concerns.
    func about(_ saga: SagaID) -> Breach {
        let colon = description.firstIndex(of: ":") ?? description.endIndex
        return Breach(
            String(description[..<colon]), "saga \(saga)\(description[colon...])")
    }
}
