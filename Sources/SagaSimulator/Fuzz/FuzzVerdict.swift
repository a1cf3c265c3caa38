import SagaBus
import SagaCore
import SagaEngine
import SagaStore

/// Compares what came of each message with what had to.
///
/// What a message had to come to is told by the library that reads it: what cannot be read is refused to its sender, or
/// a dead letter with that very code. Nothing may be lost on the way.
struct FuzzVerdict {
    private let plan: FuzzPlan
    private let answered: [Answer]
    private let unreadable: [String]
    private let replied: [Message]
    /// Dead letters, and of which mutant each is.
    private let letters: [(letter: StoredDeadLetter, number: Int?)]
    /// Reasons of the dead letters of each mutant.
    private let reasons: [Int: [String]]
    private let isSaga: (SagaID) throws -> Bool

    init(_ plan: FuzzPlan, _ system: FuzzSystem) throws {
        self.plan = plan
        (answered, unreadable, replied) = (system.answered, system.unreadable, system.replied)
        let store = system.store
        letters = try store.read { try $0.deadLetters(includingSettled: true, limit: .max) }.map {
            ($0, FuzzMessage.number(of: $0.message.properties))
        }
        var reasons: [Int: [String]] = [:]
        for (letter, number) in letters { if let number { reasons[number, default: []].append(letter.reason) } }
        self.reasons = reasons
        isSaga = { id in try store.read { try $0.summary(of: id) } != nil }
    }

    /// What one message must come to.
    private enum Due: Hashable {
        /// An answer to the client with this request id.
        case answer(String)
        /// A reply to the client with this command id.
        case reply(String)
        case deadLetter(String)
        /// An answer to somewhere else, a change, nothing: anything is right.
        case anything
    }

    func findings() throws -> ([FuzzFinding], FuzzTally) {
        var findings: [FuzzFinding] = []
        var tally = FuzzTally()
        var answers = Dictionary(answered.map { ($0.requestID, [$0]) }, uniquingKeysWith: +)
        var replies = Dictionary(
            replied.map { ($0.properties.correlationID ?? "", [$0]) }, uniquingKeysWith: +)
        for message in plan.messages {
            let due = try due(message)
            let found = message.number.flatMap { reasons[$0] } ?? []
            switch due {
            case .answer(let id):
                guard let answer = answers[id]?.popLast() else {
                    findings.append(lost(message, "no answer to \(message.door.rawValue)"))
                    continue
                }
                tally.add(message.door, Self.name(answer))
                if message.number == nil, answer.kind == .refused {
                    findings.append(FuzzFinding(.neighbour, "\(id) is refused: \(answer.body.text)"))
                }
            case .reply(let id):
                guard let reply = replies[id]?.popLast() else {
                    findings.append(lost(message, "no reply of \(message.door.rawValue)"))
                    continue
                }
                tally.add(message.door, Self.name(reply))
            case .deadLetter(let reason):
                tally.add(message.door, "dead letter \(Self.known(reason))")
                if found.isEmpty {
                    findings.append(lost(message, "no dead letter from \(message.door.rawValue)"))
                } else if !found.contains(reason) {
                    findings.append(
                        FuzzFinding(
                            .verdict, "\(found) instead of \(reason): \(Self.what(message))", number: message.number))
                }
            case .anything:
                let result = found.first.map { "dead letter \(Self.known($0))" } ?? "handled or ignored"
                tally.add(message.door, message.message.properties.replyAddress == nil ? result : "answered elsewhere")
            }
        }
        return (findings + faults() + echoes(), tally)
    }

    // MARK: What is due

    private func due(_ message: FuzzMessage) throws -> Due {
        let properties = message.message.properties
        // What is valid is told by its sagas' ends.
        guard message.number != nil || properties.replyTo != nil else { return .anything }
        switch message.door {
        case .starts, .operatorRequests:
            if let replyTo = properties.replyAddress {
                return replyTo == FuzzSystem.answers ? .answer(Self.answerID(properties)) : .anything
            }
            return refusal(of: message).map { .deadLetter($0.code.rawValue) } ?? .anything
        case .replies:
            if let refusal = refusal(of: message) { return .deadLetter(refusal.code.rawValue) }
            let command = properties.correlationID.flatMap(CommandID.init)
            if let command, try !isSaga(command.saga) { return .deadLetter(RefusalCode.replyUnknown.rawValue) }
            return .anything
        case .deadLetters:
            return .deadLetter(Self.withoutNULs(DeadLetter.decode(message.message).reason.rawValue))
        case .inventory, .payment, .ledger:
            if let id = properties.messageID.flatMap(CommandID.init), let replyTo = properties.replyAddress {
                return replyTo == FuzzSystem.replies ? .reply("\(id)") : .anything
            }
            return refusal(of: message).map { .deadLetter($0.code.rawValue) } ?? .anything
        }
    }

    private func refusal(of message: FuzzMessage) -> Refusal? {
        let (door, message) = (message.door, message.message)
        if !door.isParticipant, message.body.count > JSONLimits.message.maxBytes {
            return Refusal(code: .messageTooLarge, message: "")
        }
        do throws(Refusal) {
            switch door {
            case .starts: _ = try StartRequest.decode(message)
            case .replies: _ = try Reply.decode(message)
            case .operatorRequests: _ = try OperatorMessage.decode(message)
            case .inventory, .payment, .ledger: _ = try Command.decode(message)
            case .deadLetters: break
            }
            return nil
        } catch {
            return error
        }
    }

    /// An id that may not be repeated is left out of the answer.
    private static func answerID(_ properties: MessageProperties) -> String {
        let id = properties.messageID ?? ""
        let hasControls = id.unicodeScalars.contains { $0.properties.generalCategory == .control }
        return id.utf8.count > 255 || hasControls ? "" : id
    }

    private static func withoutNULs(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 }))
    }

    // MARK: What must never be

    private func faults() -> [FuzzFinding] {
        var findings = unreadable.map { FuzzFinding(.verdict, "an answer nobody can read: \($0)") }
        let fault = RefusalCode.internal.rawValue
        for answer in answered where answer.body["code"]?.string == fault {
            findings.append(FuzzFinding(.fault, "an answer: \(answer.body.text)"))
        }
        for reply in replied where Self.code(reply) == fault {
            findings.append(FuzzFinding(.fault, "a reply to \(reply.properties.correlationID ?? "?")"))
        }
        // An answer that was wanted among the dead letters is one without a reason.
        for (letter, number) in ourLetters where letter.reason == fault && letter.detail.hasPrefix(fault) {
            findings.append(FuzzFinding(.fault, "a dead letter: \(letter.detail)", number: number))
        }
        return findings
    }

    /// Those that Skald itself made: what is sent to the dead letters claims any reason, and says anything.
    private var ourLetters: [(letter: StoredDeadLetter, number: Int?)] {
        let claimed = Set(plan.messages.filter { $0.door == .deadLetters }.compactMap(\.number))
        return letters.filter { $0.number.map { !claimed.contains($0) } ?? true }
    }

    private func echoes() -> [FuzzFinding] {
        let refusals = answered.filter { $0.kind == .refused }.map { $0.body["message"]?.string ?? "" }
        let details = ourLetters.map(\.letter.detail)
        return (refusals + details).filter { $0.contains(FuzzCast.secret) }.map { FuzzFinding(.echo, $0) }
    }

    private func lost(_ message: FuzzMessage, _ what: String) -> FuzzFinding {
        FuzzFinding(.lost, "\(what): \(Self.what(message))", number: message.number)
    }

    private static func what(_ message: FuzzMessage) -> String {
        let id = message.message.properties.messageID ?? message.message.properties.correlationID ?? "no id"
        let name = message.number.map { "mutant \($0) (\(message.changes.joined(separator: ", ")))" } ?? "a valid one"
        return "\(name), \(String(id.prefix(60)).escapedForTerminal)"
    }

    // MARK: Names of results

    private static func name(_ answer: Answer) -> String {
        guard answer.kind == .refused else { return answer.kind.rawValue }
        return "refused \(known(answer.body["code"]?.string ?? "?"))"
    }

    private static func name(_ reply: Message) -> String {
        guard case .string(let outcome)? = reply.properties.header("skald-outcome") else { return "?" }
        return [outcome, code(reply).map(known)].compactMap(\.self).joined(separator: " ")
    }

    private static func code(_ reply: Message) -> String? {
        (try? JSONValue.parse(reply.body))?["code"]?.string
    }

    /// Codes are counted by name, what others made up together.
    private static func known(_ code: String) -> String {
        code.utf8.allSatisfy { (0x41...0x5A).contains($0) || $0 == 0x5F } && code.utf8.count < 30 && !code.isEmpty
            ? code : "(another)"
    }
}

extension JSONObject {
    fileprivate var text: String { JSONValue.object(self).text }
}
