import SagaBus
import SagaCore
import Synchronization
import Testing

/// The other end of the wire: sends commands and collects replies. Blocks, so it lives on a thread of its own.
final class Orchestrator: Sendable {
    private let mailbox = BusMailbox()
    private let publisher: any BusPublisher
    private let consumer: any BusConsumer
    private let tokens = Atomic<UInt64>(0)

    init(_ bus: InMemoryBus) throws {
        publisher = try bus.openPublisher(mailbox: BusMailbox())
        consumer = try bus.openConsumer(
            "orchestrator", queue: "skald.replies.0", options: ConsumerOptions(), mailbox: mailbox)
    }

    func command(_ type: String, step: String) -> Command { Self.command(type, step: step) }

    static func command(_ type: String, step: String) -> Command {
        Command(
            id: CommandID(saga: Story.saga, step: step, kind: .action, round: 1), type: type, attempt: 1,
            participant: "counter", replyTo: "skald.replies.0", body: ["by": 1])
    }

    func send(_ commands: [Command]) { publish(commands.map { $0.message() }) }

    func publish(_ messages: [Message]) {
        publisher.publish(
            messages.map { (token: tokens.wrappingAdd(1, ordering: .relaxed).newValue, message: $0) })
    }

    /// The next replies, acknowledged.
    func replies(_ count: Int) throws -> [Reply] {
        var replies: [Reply] = []
        while replies.count < count {
            let events = mailbox.receive(waitingAtMost: .seconds(600), limit: count - replies.count)
            guard !events.isEmpty else { throw NoReply() }
            for case .delivery(let delivery) in events {
                replies.append(try Reply.decode(delivery.message))
                consumer.acknowledge([delivery.tag])
            }
        }
        return replies
    }

    struct NoReply: Error {}

    /// Takes replies until so many steps have succeeded; the same reply may come more than once.
    func awaitReplies(toSteps count: Int) throws {
        var steps: Set<String> = []
        while steps.count < count {
            for reply in try replies(1) where reply.outcome == .succeeded { steps.insert(reply.command.step) }
        }
    }
}

/// Counts the statements a database runs; another thread waits for them.
final class StatementCount: Sendable {
    private let mailbox = BusMailbox()
    private let count = Atomic<Int>(0)

    func add() {
        count.wrappingAdd(1, ordering: .relaxed)
        mailbox.wake()
    }

    func wait(until target: Int) {
        while count.load(ordering: .relaxed) < target { _ = mailbox.receive(waitingAtMost: .seconds(600)) }
    }
}
