import SagaBus
import SagaCore
import SagaParticipant

/// Watches from outside what one participant is asked, what it answers and whom it calls: rules 16 to 19.
///
/// It knows nothing of how the participant comes to its answers, only what they may not be after what has been said.
// One thread drives a simulation and all that belongs to it.
final class ParticipantWatch: Witness, @unchecked Sendable {
    /// A final answer.
    struct Answer {
        let command: CommandID
        let type: String
        let outcome: Outcome
        /// Empty for a success.
        let code: String
        let body: [UInt8]
    }
    private struct Question: Hashable {
        let command: String
        let attempt: Int64
    }
    private struct Effect: Hashable {
        let saga: SagaID
        let step: String
        let kind: CommandID.Kind
    }

    private let name: String
    private let causes: ServiceCauses
    private let report: (String) -> Void

    /// By command, over all lives.
    private(set) var answers: [String: Answer] = [:]
    /// The fences that close a step for its compensation as well.
    private(set) var stepFences: Set<String> = []
    /// All that ever came.
    private var commands: Set<String> = []
    private var successes: [Effect: [UInt8]] = [:]
    /// Calls made in the present life.
    private(set) var called: Set<CommandID> = []

    // Of the present life.
    private var asked: [Question: (type: String, trace: HeaderValue?)] = [:]
    private var deliveries: [DeliveryTag: Question] = [:]
    private var published: [UInt64: Question] = [:]
    /// Confirmed answers whose delivery is not acknowledged.
    private var confirmed: [Question: Int] = [:]
    /// Answered with an error, of which there is nothing to commit.
    private var unrecorded: Set<Question> = []
    private var underWay: Set<CommandID> = []
    /// Calls that have come back, until their command is answered.
    private var back: Set<CommandID> = []

    init(_ name: String, causes: ServiceCauses, report: @escaping (String) -> Void) {
        self.name = name
        self.causes = causes
        self.report = report
    }

    func begins() {
        called = []
        asked = [:]
        deliveries = [:]
        published = [:]
        confirmed = [:]
        unrecorded = []
        underWay = []
        back = []
    }

    // MARK: Commands

    func gets(_ delivery: Delivery) {
        let properties = delivery.message.properties
        let question = Question(command: properties.messageID ?? "", attempt: delivery.message.attempt)
        asked[question] = (properties.type ?? "", properties.header("traceparent"))
        commands.insert(question.command)
        deliveries[delivery.tag] = question
        if properties.type == Command.fenceType, let body = try? JSONValue.parse(delivery.message.body),
            body["close"]?.string == "step"
        {
            stepFences.insert(question.command)
        }
    }

    /// Rule 16: a command is acknowledged once its reply has been confirmed.
    func acknowledges(_ tag: DeliveryTag, of consumer: ConsumerID) {
        guard let question = deliveries.removeValue(forKey: tag) else { return }
        guard let count = confirmed[question], count > 0 else {
            return report("rule 16: \(name) acknowledges \(question.command) before its reply is confirmed")
        }
        confirmed[question] = count - 1
    }

    func recordsNothing(of tag: DeliveryTag) -> Bool {
        deliveries[tag].map { unrecorded.contains($0) } ?? false
    }

    func isTold(_ token: UInt64, _ outcome: PublishOutcome) {
        guard let question = published.removeValue(forKey: token) else { return }
        switch outcome {
        case .confirmed, .returned: confirmed[question, default: 0] += 1
        case .rejected, .unknown: break
        }
    }

    // MARK: Answers

    func publishes(_ token: UInt64, _ message: Message) {
        let properties = message.properties
        let question = Question(command: properties.correlationID ?? "", attempt: message.attempt)
        guard message.exchange == SkaldNames.replies, let id = CommandID(question.command) else {
            return report("rule 19: \(name) does not understand \(message.summary)")
        }
        guard let (type, trace) = asked[question] else {
            return report("rule 16: \(name) answers \(id) #\(question.attempt), which it has not got")
        }
        if properties.header("traceparent") != trace {
            report("trace: \(name) answers \(id) in another trace than it was asked in")
        }
        published[token] = question
        switch message.outcome {
        case .succeeded: check(Answer(command: id, type: type, outcome: .succeeded, code: "", body: message.body))
        case .failed: check(Answer(command: id, type: type, outcome: .failed, code: message.code, body: message.body))
        case .retry:
            if message.code == RefusalCode.internal.rawValue { unrecorded.insert(question) }
            checkRetry(id, message)
        case nil: report("rule 16: \(name) answers \(id) with no outcome")
        }
    }

    /// Rules 16 and 17: what has been answered is answered so again; a success in any round answers all rounds.
    private func check(_ answer: Answer) {
        let id = answer.command
        let key = id.description
        let effect = Effect(saga: id.saga, step: id.step, kind: id.kind)
        if OldRecords.isExpired(id), answer.code != RefusalCode.commandExpired.rawValue {
            report(
                "rule 19: \(id) is older than all records, and is answered \(answer.outcome.rawValue) \(answer.code)")
        }
        if id.kind == .fence {
            if answers[key]?.outcome == .failed, answer.outcome == .succeeded {
                report("rule 7: \(id) found nothing and closed the step, and now finds that it was done")
            }
        } else if let success = successes[effect] {
            if answer.outcome != .succeeded || answer.body != success {
                report("rule 16: \(id) has succeeded, and is answered \(answer.outcome.rawValue) \(answer.code) now")
            }
        } else if let known = answers[key] {
            if answer.outcome == .succeeded, !hasOtherRound(id) {
                report("rule 16: \(id) was refused with \(known.code), and succeeds now")
            } else if answer.outcome == .failed, answer.code != known.code {
                report("rule 16: \(id) was refused with \(known.code), and is with \(answer.code) now")
            }
        }
        if id.kind != .fence, answer.outcome == .succeeded { successes[effect] = answer.body }
        answers[key] = answer
    }

    /// Its success, of which nobody may have heard, would answer this one.
    private func hasOtherRound(_ id: CommandID) -> Bool {
        commands.lazy.compactMap { CommandID($0) }.contains {
            $0.saga == id.saga && $0.step == id.step && $0.kind == id.kind && $0.round != id.round
        }
    }

    /// Asking to be asked again needs a reason: an error, or a call that is being made.
    private func checkRetry(_ id: CommandID, _ message: Message) {
        let code = message.code
        if successes[Effect(saga: id.saga, step: id.step, kind: id.kind)] != nil {
            return report("rule 16: \(id) has succeeded, and is to be asked again with \(code)")
        }
        if let known = answers[id.description], id.kind != .fence {
            return report("rule 16: \(id) was refused with \(known.code), and is to be asked again with \(code)")
        }
        switch code {
        case RefusalCode.internal.rawValue, Mood.busy:
            if !causes.explainsError(id) { report("rule 16: \(name) met an error of its own over \(id)") }
        case RefusalCode.unsettled.rawValue:
            if message.properties.header(WireHeader.retryAfter) == nil {
                report("rule 18: \(id) waits for a call, and its reply does not say how long")
            }
            checkCalled(id)
        default: report("rule 16: \(id) is to be asked again with \(code)")
        }
    }

    // MARK: Calls to the outside

    /// Rule 18: who waits for a call waits for one that is being made, or has just come back without an answer.
    private func checkCalled(_ id: CommandID) {
        func concerns(_ call: CommandID) -> Bool { call.saga == id.saga && call.step == id.step }
        // More than this wait their turn.
        if underWay.count >= ParticipantSettings().concurrentCalls || underWay.contains(where: concerns) { return }
        if back.remove(id) == nil { report("rule 18: \(id) waits for a call that nobody makes") }
    }

    /// - Parameter stored: what the participant has committed to, nil for nothing.
    func calls(_ call: StartedCall, stored: StoredCall?) {
        called.insert(call.command)
        if !underWay.insert(call.command).inserted {
            report("rule 18: the call for \(call.command) is made twice at the same time")
        }
        if stored?.key != call.key || stored?.parameters != JSONValue.object(call.parameters).text {
            report("rule 18: the call for \(call.command) is not what \(name) has committed to")
        }
    }

    func callIsBack(_ command: CommandID) {
        underWay.remove(command)
        back.insert(command)
    }
}

/// A call as its row in the barrier has it.
struct StoredCall {
    let key: String
    let parameters: String
}

extension Message {
    fileprivate var attempt: Int64 {
        if case .int(let number)? = properties.header(WireHeader.attempt) { number } else { 1 }
    }

    fileprivate var outcome: Outcome? {
        if case .string(let text)? = properties.header(WireHeader.outcome) { Outcome(rawValue: text) } else { nil }
    }

    fileprivate var code: String { (try? JSONValue.parse(body))?["code"]?.string ?? "" }
}
