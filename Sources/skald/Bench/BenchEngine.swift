import ArgumentParser
import Foundation
import SagaBus
import SagaCore
import SagaEngine
import SagaStore
import SagaYAML

/// The engine alone, without broker, threads or participants: for a profiler.
struct BenchEngine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine", abstract: "The engine alone, for a profiler.", shouldDisplay: false)

    @Option var sagas: Int
    @Option var dir: String

    private static let batch = 64

    func run() async throws {
        try await reportingFailures {
            let name = "\(BenchDefinitions.echo).yaml"
            let definition = try DefinitionFile.parse(BenchDefinitions.files[name] ?? "", file: name).get()
            try await runOnDedicatedThread { [self] in try drive(definition) }
        }
    }

    private func drive(_ definition: SagaDefinition) throws {
        let store = try SagaStore(path: dir + "/skald.sqlite")
        let core = try EngineCore(store: store, settings: EngineSettings(), definitions: [definition])
        var random = SplitMix64(seed: 1)
        var now = Timestamp(milliseconds: 1_750_000_000_000)
        var waiting: [Delivery] = []
        var confirmed: [OutboxRowID] = []
        var (started, ended, number): (Int, Int, UInt64) = (0, 0, 0)
        func delivery(_ consumer: ConsumerID, _ message: Message) -> Delivery {
            number += 1
            return Delivery(
                consumer: consumer, tag: DeliveryTag(epoch: 1, number: number), isRedelivered: false, message: message)
        }
        while ended < sagas {
            while started < sagas, waiting.count < Self.batch {
                started += 1
                let message = Message(
                    exchange: SkaldNames.starts, routingKey: "0",
                    properties: MessageProperties(messageID: "k-\(started)", type: definition.name),
                    body: BenchDefinitions.order("k-\(started)", isRefused: false))
                waiting.append(delivery(.starts, message))
            }
            var batch = EngineBatch()
            batch.deliveries = Array(waiting.prefix(Self.batch))
            batch.confirmed = confirmed
            waiting.removeFirst(batch.deliveries.count)
            now = now.adding(milliseconds: 1)
            let result = try core.process(batch, at: now, using: &random)
            confirmed = result.outgoing.map(\.id)
            for row in confirmed { core.wasConfirmed(row) }
            for sent in result.outgoing {
                guard let command = sent.command else {
                    ended += 1
                    continue
                }
                let reply = Reply(command: command, outcome: .succeeded, attempt: 1, body: ["done": true])
                waiting.append(delivery(.replies, reply.message(to: SkaldNames.replyQueue(shard: 0))))
            }
        }
    }
}
