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
    func apply(verb: OperatorVerb, body: JSONObject, requestID: String?, touching saga: SagaID) async throws {
        let request = Self.request(verb.rawValue, body, id: requestID ?? Self.newRequestID)
        let answers = try await answers(to: [request], touching: [saga])
        try report(try answers.answer(to: request))
    }

    static var newRequestID: String { "cli-\(UUID().uuidString.lowercased())" }

    static func request(_ verb: String, _ body: JSONObject, id: String) -> OperatorMessage {
        var body = body
        body["by"] = .string(NSUserName())
        return OperatorMessage(requestID: id, verb: verb, body: body)
    }

    /// What came back for the requests of one session.
    struct Answers {
        fileprivate(set) var given: [String: Answer] = [:]
        fileprivate(set) var failure: CommandFailure?

        func answer(to request: OperatorMessage) throws -> Answer {
            if let answer = given[request.requestID] { return answer }
            throw failure ?? CommandFailure(.unavailable, "no answer")
        }
    }

    /// Sends requests and collects their answers.
    ///
    /// - Parameter sagas: in an embedded system it runs on until these are at rest; nil: all.
    func answers(to requests: [OperatorMessage], touching sagas: Set<SagaID>?) async throws -> Answers {
        let directory = SystemDirectory(data)
        let path = try directory.requireStore()
        if try directory.isEmbedded { return try await askEmbedded(requests, touching: sagas) }
        guard let alone = try openIfFree(path) else { return try await askWorker(requests) }
        return try applyAlone(requests, in: alone)
    }

    /// Asks as often as `body` wants to, and returns what it makes of the answers.
    func converse<Result: Sendable>(
        _ body: @escaping @Sendable (_ ask: (OperatorMessage) throws -> Answer) throws -> Result
    ) async throws -> Result {
        let directory = SystemDirectory(data)
        let path = try directory.requireStore()
        @Sendable func converse(over bus: any MessageBus) throws -> Result {
            let client = try SkaldClient(bus: bus)
            return try body { request in try ask([request], through: client).answer(to: request) }
        }
        if try directory.isEmbedded {
            let system = try EmbeddedSystem(
                directory: data.directory, definitions: try definitions.loadForRunning(),
                logger: LogOptions.quiet("skald.embedded"))
            return try await system.run { try await runOnDedicatedThread { try converse(over: system.bus) } }
        }
        guard let alone = try openIfFree(path) else {
            let bus = try broker.bus(named: "skald operator", logger: LogOptions.quiet("skald.operator"))
            return try await runOnDedicatedThread {
                defer { bus.close() }
                return try converse(over: bus)
            }
        }
        return try body { request in try applyAlone([request], in: alone).answer(to: request) }
    }

    /// The store, unless a worker holds it.
    private func openIfFree(_ path: String) throws -> SagaStore? {
        FileLock.isHeld(path: path + ".lock") ? nil : try SagaStore(path: path)
    }

    private func askEmbedded(
        _ requests: [OperatorMessage], touching sagas: Set<SagaID>?
    ) async throws -> Answers {
        let system = try EmbeddedSystem(
            directory: data.directory, definitions: try definitions.loadForRunning(),
            logger: LogOptions.quiet("skald.embedded"))
        return try await system.run {
            let answers = try await runOnDedicatedThread {
                try ask(requests, through: try SkaldClient(bus: system.bus))
            }
            try await system.waitForRest(of: sagas)
            return answers
        }
    }

    private func askWorker(_ requests: [OperatorMessage]) async throws -> Answers {
        let bus = try broker.bus(named: "skald operator", logger: LogOptions.quiet("skald.operator"))
        return try await runOnDedicatedThread {
            defer { bus.close() }
            return try ask(requests, through: try SkaldClient(bus: bus))
        }
    }

    private func ask(_ requests: [OperatorMessage], through client: SkaldClient) throws -> Answers {
        let messages = requests.map { request in
            var request = request
            request.replyTo = client.answerQueue
            return request.message(shard: 0, expirationMilliseconds: Self.expirationMilliseconds)
        }
        var answers = Answers()
        try client.request(messages, patience: .milliseconds(Self.expirationMilliseconds)) { message, result in
            switch result {
            case .answered(let given): answers.given[message.properties.messageID ?? ""] = given
            case .undeliverable(let reason): answers.failure = CommandFailure(.unavailable, reason)
            case .unanswered:
                answers.failure = CommandFailure(
                    .unavailable,
                    """
                    a worker has the file but did not answer in 10 s, and the request has lapsed; \
                    is --broker the worker's?
                    """)
            }
        }
        return answers
    }

    /// No worker runs: the requests are recorded here; what they send goes out when a worker starts.
    private func applyAlone(_ requests: [OperatorMessage], in store: SagaStore) throws -> Answers {
        let core = try EngineCore(store: store, settings: EngineSettings(), definitions: [])
        let clock = EngineClock(notBefore: try store.read { try $0.lastTime() })
        var system = SystemRandomNumberGenerator()
        var random = SplitMix64(seed: system.next())
        var answers = Answers()
        for request in requests {
            answers.given[request.requestID] = try apply(request, to: core, at: clock, &random)
        }
        return answers
    }

    private func apply(
        _ request: OperatorMessage, to core: EngineCore, at clock: EngineClock, _ random: inout SplitMix64
    ) throws -> Answer {
        guard let applied = try core.apply(request, at: clock.now, using: &random) else {
            throw CommandFailure(.refused, "the request was not understood; see skald dead-letters")
        }
        var answer = applied.answer
        if answer.kind == .applied, applied.leavesMessages {
            let text = answer.body["message"]?.string ?? "done"
            answer.body["message"] = .string("\(text); no worker runs: what this sends leaves when one starts")
        }
        return answer
    }

    private func report(_ answer: Answer) throws {
        if output.isJSON {
            var object = answer.body
            object["answer"] = .string(answer.kind.rawValue)
            Terminal.standardOutput.json(.object(object))
        }
        guard answer.kind == .refused else {
            if !output.isJSON {
                Terminal.standardOutput.line((answer.body["message"]?.string ?? "").escapedForTerminal)
            }
            return
        }
        throw CommandFailure(.refused, answer.refusalText.escapedForTerminal)
    }
}
