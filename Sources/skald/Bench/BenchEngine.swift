import ArgumentParser
import DurableSQLite
import Glibc
import OrderServices
import SagaBus
import SagaCore
import SagaEngine
import SagaParticipant
import SagaStore
import SagaYAML
import Synchronization

/// Engine and order services alone, on files, without broker or bus, in processor time: for a profiler.
struct BenchEngine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine", abstract: "Engine and services alone, for a profiler.", shouldDisplay: false)

    @Option var sagas: Int
    @Option var dir: String
    @Option(help: "Messages a transaction.") var batch = 64
    @Flag(help: "Let the order services do the work instead of an echo.") var services = false

    func run() async throws {
        try await reportingFailures {
            let name = "\(services ? BenchDefinitions.order : BenchDefinitions.echo).yaml"
            let definition = try DefinitionFile.parse(BenchDefinitions.files[name] ?? "", file: name).get()
            try await runOnDedicatedThread { [self] in try drive(definition) }
        }
    }

    private func drive(_ definition: SagaDefinition) throws {
        let store = try SagaStore(path: dir + "/skald.sqlite")
        let core = try EngineCore(store: store, settings: EngineSettings(), definitions: [definition])
        let town = services ? try Town(directory: dir) : nil
        var random = SplitMix64(seed: 1)
        var now = Timestamp.wallClock
        var waiting: [Delivery] = []
        var confirmed: [OutboxRowID] = []
        var (started, ended, number): (Int, Int, UInt64) = (0, 0, 0)
        var engineNanoseconds: Int64 = 0
        func delivery(_ consumer: ConsumerID, _ message: Message) -> Delivery {
            number += 1
            return Delivery(
                consumer: consumer, tag: DeliveryTag(epoch: 1, number: number), isRedelivered: false, message: message)
        }
        while ended < sagas {
            while started < sagas, waiting.count < batch {
                started += 1
                let message = Message(
                    exchange: SkaldNames.starts, routingKey: "0",
                    properties: MessageProperties(messageID: "k-\(started)", type: definition.name),
                    body: BenchDefinitions.order("k-\(started)", isRefused: false))
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
            for reply in try town?.answer(commands, at: now) ?? commands.map(Self.echo) {
                waiting.append(delivery(.replies, reply))
            }
        }
        let engine = Double(engineNanoseconds) / 1000 / Double(sagas)
        print("engine \(Int(engine)) µs a saga", terminator: "")
        if let town {
            print(", services \(Int(Double(town.nanoseconds) / 1000 / Double(sagas))) µs a saga")
        } else {
            print()
        }
    }

    private static func echo(_ command: Message) throws -> Message {
        let command = try Command.decode(command)
        let reply = Reply(command: command.id, outcome: .succeeded, attempt: 1, body: ["done": true])
        return reply.message(to: SkaldNames.replyQueue(shard: 0))
    }
}

/// The order services, each a core on its file.
private final class Town {
    private var cores: [String: ParticipantCore] = [:]
    private(set) var nanoseconds: Int64 = 0
    private let threads = ThreadPool()

    init(directory: String) throws {
        for kind in OrderService.allCases {
            let service = try kind.open(directory: directory)
            if kind == .inventory {
                _ = try service.receiveStock(BenchDefinitions.stock, now: .wallClock)
            }
            cores[kind.rawValue] = service.core()
        }
    }

    func answer(_ commands: [Message], at now: Timestamp) throws -> [Message] {
        let begun = processorNanoseconds()
        defer { nanoseconds += processorNanoseconds() - begun }
        return try Dictionary(grouping: commands, by: \.routingKey).sorted { $0.key < $1.key }
            .flatMap { queue, messages in
                guard let core = cores[queue] else { return [Message]() }
                let batch = messages.enumerated().map { index, message in
                    Delivery(
                        consumer: "bench", tag: DeliveryTag(epoch: 1, number: UInt64(index)), isRedelivered: false,
                        message: message)
                }
                let outcome = try core.process(batch, now: now)
                let finished = try core.finish(perform(outcome.calls), now: now)
                return (outcome.replies + finished.replies).map(\.message)
            }
    }

    /// All at the same time, as a service does.
    private func perform(_ calls: [OutsideCall]) -> [AnsweredCall] {
        guard !calls.isEmpty else { return [] }
        let mailbox = BusMailbox()
        let back = Mutex<[AnsweredCall]>([])
        for call in calls {
            threads.run {
                let answered = call.perform()
                let count = back.withLock { back in
                    back.append(answered)
                    return back.count
                }
                if count == calls.count { mailbox.wake() }
            }
        }
        _ = mailbox.receive(waitingAtMost: nil)
        return back.withLock { $0 }
    }
}

private func processorNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
