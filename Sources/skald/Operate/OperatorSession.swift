import DurableSQLite
import Foundation
import Logging
import OrderServices
import RabbitMQBus
import SagaBus
import SagaCore
import SagaEngine
import SagaStore

/// Brings an operator's request to whoever may apply it: the running worker, or, where none holds the file, this
/// process itself.
struct OperatorSession {
    let data: DataOptions
    let broker: BrokerOptions
    let definitions: DefinitionOptions
    let output: OutputOptions

    /// A request lapses at the broker after this if no worker takes it.
    private static let expirationMilliseconds: Int64 = 10_000

    /// Sends one request and prints its answer.
    func apply(verb: String, body: JSONObject, requestID: String?, touching saga: SagaID? = nil) async throws {
        let directory = SystemDirectory(data)
        let path = try directory.requireStore()
        var body = body
        body["by"] = .string(NSUserName())
        let message = OperatorMessage(
            requestID: requestID ?? "cli-\(UUID().uuidString.lowercased())", verb: verb, body: body)
        let answer: Answer
        if try directory.isEmbedded {
            answer = try await applyEmbedded(message, touching: saga)
        } else if let alone = try openIfFree(path) {
            answer = try applyAlone(message, in: alone)
        } else {
            answer = try await askWorker(message)
        }
        try report(answer)
    }

    /// The store, unless a worker holds it.
    private func openIfFree(_ path: String) throws -> SagaStore? {
        FileLock.isHeld(path: path + ".lock") ? nil : try SagaStore(path: path)
    }

    private func applyEmbedded(_ message: OperatorMessage, touching saga: SagaID?) async throws -> Answer {
        let system = try EmbeddedSystem(
            directory: data.directory, definitions: try definitions.loadForRunning(),
            logger: LogOptions.quiet("skald.embedded"))
        return try await system.run {
            let answer = try await runOnDedicatedThread { try ask(message, through: try SkaldClient(bus: system.bus)) }
            try await system.waitForRest(of: saga.map { [$0] } ?? [])
            return answer
        }
    }

    private func askWorker(_ message: OperatorMessage) async throws -> Answer {
        let bus = try broker.bus(named: "skald operator", logger: LogOptions.quiet("skald.operator"))
        return try await runOnDedicatedThread {
            defer { bus.close() }
            return try ask(message, through: try SkaldClient(bus: bus))
        }
    }

    private func ask(_ message: OperatorMessage, through client: SkaldClient) throws -> Answer {
        var message = message
        message.replyTo = client.answerQueue
        var answer: Answer?
        let wire = message.message(shard: 0, expirationMilliseconds: Self.expirationMilliseconds)
        try client.request([wire], patience: .milliseconds(Self.expirationMilliseconds)) { _, result in
            switch result {
            case .answered(let given): answer = given
            case .undeliverable(let reason): throw CommandFailure(.unavailable, reason)
            case .unanswered:
                throw CommandFailure(
                    .unavailable,
                    """
                    a worker has the file but did not answer in 10 s, and the request has lapsed; \
                    is --broker the worker's?
                    """)
            }
        }
        guard let answer else { throw CommandFailure(.unavailable, "no answer") }
        return answer
    }

    /// No worker runs: the request is recorded here; what it sends goes out when a worker starts.
    private func applyAlone(_ message: OperatorMessage, in store: SagaStore) throws -> Answer {
        let core = try EngineCore(
            store: store, settings: EngineSettings(), definitions: [])
        var message = message
        message.replyTo = "skald.answers.here"
        let wire = message.message(shard: 0, expirationMilliseconds: Self.expirationMilliseconds)
        var batch = EngineBatch()
        batch.deliveries = [
            Delivery(
                consumer: .operatorRequests, tag: DeliveryTag(epoch: 0, number: 1), isRedelivered: false,
                message: wire)
        ]
        let clock = EngineClock(notBefore: try store.read { try $0.lastTime() })
        var system = SystemRandomNumberGenerator()
        var random = SplitMix64(seed: system.next())
        let result = try core.process(batch, at: clock.now, using: &random)
        guard let row = result.outgoing.first(where: { $0.routingKey == "skald.answers.here" }) else {
            throw CommandFailure(.refused, "the request was not understood; see skald dead-letters")
        }
        // The answer is given here and now; only commands and events wait for the worker.
        batch = EngineBatch()
        batch.confirmed = [row.id]
        _ = try core.process(batch, at: clock.now, using: &random)
        var answer = try Answer.decode(Message(row))
        if answer.kind == .applied, result.outgoing.count > 1 {
            let text = answer.body["message"]?.string ?? "done"
            answer.body["message"] = .string("\(text); no worker runs: commands are sent when one starts")
        }
        return answer
    }

    private func report(_ answer: Answer) throws {
        if output.isJSON {
            var object = answer.body
            object["answer"] = .string(answer.kind.rawValue)
            Terminal.standardOutput.json(.object(object))
        }
        let message = answer.body["message"]?.string ?? ""
        guard answer.kind == .refused else {
            if !output.isJSON { Terminal.standardOutput.line(message.escapedForTerminal) }
            return
        }
        let code = answer.body["code"]?.string ?? "REFUSED"
        throw CommandFailure(.refused, "\(code): \(message)".escapedForTerminal)
    }
}
