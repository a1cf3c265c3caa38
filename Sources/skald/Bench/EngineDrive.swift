import DurableSQLite
import Glibc
import SagaBus
import SagaCore
import SagaEngine
import SagaStore

/// The engine without broker and bus: starts sagas, and lets each command be answered at once.
struct EngineDrive {
    let core: EngineCore
    let definition: SagaDefinition
    /// Messages a transaction.
    var batch = 64
    /// The replies to commands; an echo unless said otherwise.
    var answer: (_ commands: [Message], _ now: Timestamp) throws -> [Message] = { commands, _ in
        try commands.map(Self.echo)
    }
    /// Processor time of the engine alone.
    private(set) var engineNanoseconds: Int64 = 0
    private var random = SplitMix64(seed: 1)
    private var deliveries: UInt64 = 0

    init(core: EngineCore, definition: SagaDefinition) {
        self.core = core
        self.definition = definition
    }

    /// Until so many have ended and nothing is left in the outbox.
    mutating func run(_ sagas: Int, key: (Int) -> String) throws {
        var now = Timestamp.wallClock
        var waiting: [Delivery] = []
        var confirmed: [OutboxRowID] = []
        var (started, ended) = (0, 0)
        while ended < sagas || !confirmed.isEmpty {
            while started < sagas, waiting.count < batch {
                started += 1
                let message = Message(
                    exchange: SkaldNames.starts, routingKey: "0",
                    properties: MessageProperties(messageID: key(started), type: definition.name),
                    body: BenchDefinitions.order(key(started), isRefused: false))
                waiting.append(delivery(.starts, message))
            }
            var input = EngineBatch()
            input.deliveries = Array(waiting.prefix(batch))
            input.confirmed = confirmed
            waiting.removeFirst(input.deliveries.count)
            now = now.adding(milliseconds: 1)
            let begun = processorNanoseconds()
            let result = try core.process(input, at: now, using: &random)
            confirmed = result.outgoing.map(\.id)
            for row in confirmed { core.wasConfirmed(row) }
            engineNanoseconds += processorNanoseconds() - begun
            ended += result.outgoing.count { $0.command == nil }
            let commands = result.outgoing.filter { $0.command != nil }.map(\.message)
            for reply in try answer(commands, now) { waiting.append(delivery(.replies, reply)) }
        }
    }

    private mutating func delivery(_ consumer: ConsumerID, _ message: Message) -> Delivery {
        deliveries += 1
        return Delivery(
            consumer: consumer, tag: DeliveryTag(epoch: 1, number: deliveries), isRedelivered: false, message: message)
    }

    private static func echo(_ command: Message) throws -> Message {
        let command = try Command.decode(command)
        let reply = Reply(command: command.id, outcome: .succeeded, attempt: 1, body: ["done": true])
        return reply.message(to: SkaldNames.replyQueue(shard: 0))
    }
}

/// Of this process.
func processorNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
