import SagaBus
import SagaCore
import SagaEngine
import SagaStore

/// What would come of sending a dead letter again, as far as the file tells.
struct ReplayOutlook {
    enum Safety: String {
        /// Nothing can take effect twice, or against what the saga has decided.
        case safe
        /// Something could take effect that nobody expects any more.
        case unsafe
        /// The worker would refuse to send it.
        case refused
    }
    let safety: Safety
    /// One sentence without its full stop, safe for a terminal.
    let what: String

    /// It would be a dead letter again: to replay it is no use.
    let comesBack: Bool

    private init(_ safety: Safety, _ what: String) {
        self.safety = safety
        self.what = what.escapedForTerminal
        comesBack = false
    }

    private init(comesBackBecause why: String) {
        safety = .safe
        what = "it would come back as a dead letter: \(why.escapedForTerminal)"
        comesBack = true
    }

    init(of letter: StoredDeadLetter, in transaction: StoreView, at now: Timestamp) throws {
        if let refusal = letter.replayRefusal {
            self.init(.refused, refusal.message)
            return
        }
        self =
            switch Destination(letter) {
            case .worker(.starts): Self.start(letter)
            case .worker(.replies): try Self.reply(letter, transaction, now)
            case .worker(.operatorRequests): Self.request(letter)
            case .participant(let name): try Self.command(letter, to: name, transaction)
            case .queue(let name):
                ReplayOutlook(.unsafe, "the queue \(name) gets it; what is done with it is not known here")
            }
    }

    private enum Destination {
        enum Topic { case starts, replies, operatorRequests }
        case worker(Topic)
        case participant(String)
        case queue(String)

        init(_ letter: StoredDeadLetter) {
            let key = letter.routingKey
            switch letter.exchange {
            case SkaldNames.starts: self = .worker(.starts)
            case SkaldNames.replies: self = .worker(.replies)
            case SkaldNames.operatorRequests: self = .worker(.operatorRequests)
            case SkaldNames.commands: self = .participant(key)
            default:
                let topics: [(String, Topic)] = [
                    (SkaldNames.starts, .starts), (SkaldNames.replies, .replies),
                    (SkaldNames.operatorRequests, .operatorRequests),
                ]
                if let (_, topic) = topics.first(where: { key.hasPrefix($0.0 + ".") }) {
                    self = .worker(topic)
                } else if key.hasSuffix(".commands") {
                    self = .participant(String(key.dropLast(9)))
                } else {
                    self = .queue(key)
                }
            }
        }
    }

    private static func refusedAgain(_ refusal: Refusal) -> ReplayOutlook {
        ReplayOutlook(comesBackBecause: "the message itself is wrong (\(refusal.description))")
    }

    // MARK: Starts and operators' requests

    private static func start(_ letter: StoredDeadLetter) -> ReplayOutlook {
        do throws(Refusal) {
            let request = try StartRequest.decode(letter.message)
            return ReplayOutlook(
                .safe,
                """
                the worker is asked again to start \(request.definition); its business key sees to it that there is at \
                most one saga, which would begin now
                """)
        } catch {
            return refusedAgain(error)
        }
    }

    private static func request(_ letter: StoredDeadLetter) -> ReplayOutlook {
        do throws(Refusal) {
            let request = try OperatorMessage.decode(letter.message)
            return ReplayOutlook(
                .unsafe,
                """
                the operator's request \(request.verb) would be applied to what is there now, not to what its author \
                saw; give the command anew instead
                """)
        } catch {
            return refusedAgain(error)
        }
    }

    // MARK: Replies

    /// Tried on the machine, which takes it or not.
    private static func reply(
        _ letter: StoredDeadLetter, _ transaction: StoreView, _ now: Timestamp
    ) throws -> ReplayOutlook {
        let reply: Reply
        do throws(Refusal) {
            reply = try Reply.decode(letter.message)
        } catch {
            return refusedAgain(error)
        }
        let id = reply.command.saga
        guard let state = try state(of: id, transaction) else {
            if let pruned = try transaction.pruned(id) {
                return ReplayOutlook(
                    .safe, "it would be ignored: the saga has ended (\(pruned.status.rawValue)) and been pruned")
            }
            return ReplayOutlook(comesBackBecause: "this file has no saga \(id) that it can read")
        }
        if letter.reason == RefusalCode.replyForged.rawValue {
            return ReplayOutlook(
                .unsafe,
                """
                it did not come from the participant's broker user; a worker that checks users refuses it again, one \
                that does not takes its word for what happened
                """)
        }
        var random = SplitMix64(seed: 0)
        let input = ReplyInput(
            command: reply.command, attempt: reply.attempt, outcome: reply.outcome,
            retryAfterMilliseconds: reply.retryAfterMilliseconds, body: reply.body)
        do {
            let decision = try SagaMachine.decide(
                state, .reply(input), at: max(now, state.updatedAt), using: &random)
            switch decision.verdict {
            case .deadLetter(let refusal):
                return ReplayOutlook(comesBackBecause: refusal.description)
            case .ignored(let why): return ReplayOutlook(.safe, "the saga would ignore it: \(why)")
            case .applied, .answeredBefore:
                let words = EventWords(definition: state.definition, now: now)
                let events = decision.events.map { words.text($0) }.joined(separator: "; ")
                return ReplayOutlook(
                    .safe,
                    events.isEmpty ? "it would change nothing" : "the saga would take it as a late reply: \(events)")
            }
        } catch {
            return ReplayOutlook(comesBackBecause: "the saga cannot take it (\(error))")
        }
    }

    // MARK: Commands

    private static func command(
        _ letter: StoredDeadLetter, to participant: String, _ transaction: StoreView
    ) throws -> ReplayOutlook {
        let command: Command
        do throws(Refusal) {
            command = try Command.decode(letter.message)
        } catch {
            return refusedAgain(error)
        }
        let id = command.id.saga
        guard let state = try state(of: id, transaction) else {
            if let pruned = try transaction.pruned(id) {
                return ReplayOutlook(
                    .unsafe,
                    """
                    \(participant) would do \(command.type) unless it remembers having done so, but the saga has ended \
                    (\(pruned.status.rawValue)) and been pruned: nobody would undo it
                    """)
            }
            return ReplayOutlook(
                .unsafe,
                """
                \(participant) would do \(command.type) unless it remembers having done so, for a saga \(id) that this \
                file does not have: nobody would undo it
                """)
        }
        if state.status.isTerminal {
            return ReplayOutlook(
                .unsafe,
                """
                \(participant) would do \(command.type) unless it remembers having done so, but the saga has ended \
                (\(state.status.rawValue)): nobody would undo it
                """)
        }
        guard state.definition.index(ofStep: command.id.step) != nil else {
            return ReplayOutlook(.unsafe, "the saga \(id) has no step \(command.id.step): nobody would undo it")
        }
        return ReplayOutlook(
            .safe,
            """
            \(participant) gets \(command.type) again under the same id: what it has done it does not do twice, and the \
            saga, which is \(state.status.rawValue), knows what to do with the answer
            """)
    }

    private static func state(of id: SagaID, _ transaction: StoreView) throws -> SagaState? {
        do {
            return try transaction.state(of: id)
        } catch is Refusal {
            return nil
        }
    }
}
