import Foundation
import Logging
import SagaBus
import SagaCore
import Synchronization
import Testing

@testable import SagaEngine
@testable import SagaStore

/// An orchestrator on its thread over the embedded bus, a customer, and participants that do as they are told.
final class Floor: Sendable {
    let bus = InMemoryBus()
    let store: SagaStore
    let settings: EngineSettings
    let definitions: [SagaDefinition]
    private let mailbox = BusMailbox()
    private let publisher: any BusPublisher
    private let events: any BusConsumer
    private let answers: any BusConsumer
    private let tokens = Atomic<UInt64>(0)

    struct TooLong: Error, CustomStringConvertible {
        let description: String
    }

    init(
        store: SagaStore? = nil, settings: EngineSettings = EngineSettings(),
        definitions: [SagaDefinition] = [Shop.definition]
    ) throws {
        self.store = try store ?? SagaStore()
        self.settings = settings
        self.definitions = definitions
        let mine = Topology(
            queues: [.init("test.events"), .init("test.answers")],
            bindings: [.init(exchange: SkaldNames.events, routingKey: "#", queue: "test.events")])
        try bus.declare(.orchestrator(shard: 0) + mine)
        for participant in DefinitionRegistry(definitions).participants { try bus.declare(.participant(participant)) }
        publisher = try bus.openPublisher(mailbox: BusMailbox())
        events = try bus.openConsumer(
            "events", queue: "test.events", options: ConsumerOptions(prefetch: .max), mailbox: mailbox)
        answers = try bus.openConsumer(
            "answers", queue: "test.answers", options: ConsumerOptions(prefetch: .max), mailbox: mailbox)
    }

    // MARK: Running

    /// Runs an orchestrator while `body` runs on a thread of its own, then stops it in order.
    func run(_ body: @escaping @Sendable () throws -> Void) async throws {
        let orchestrator = Orchestrator(
            store: store, bus: bus, settings: settings, definitions: definitions, logger: .quiet)
        try await orchestrator.run(while: body)
    }

    // MARK: The customer

    func publish(_ messages: [Message]) {
        publisher.publish(
            messages.map { (token: tokens.wrappingAdd(1, ordering: .relaxed).newValue, message: $0) })
    }

    func start(_ inputs: [JSONValue], definition: String = "shop") {
        publish(
            inputs.enumerated().map { index, input in
                StartRequest(requestID: "start-\(index)", definition: definition, input: input).message(shard: 0)
            })
    }

    static func orders(_ numbers: some Sequence<Int>) -> [JSONValue] {
        numbers.map { ["order": .number(JSONNumber(Int64($0))), "amount": 100] }
    }

    func ask(_ verb: String, _ body: JSONObject, id: String) {
        publish([
            OperatorMessage(requestID: id, verb: verb, replyTo: "test.answers", body: body)
                .message(shard: 0, expirationMilliseconds: 60_000)
        ])
    }

    /// The next events and answers, until `isEnough` of what has come.
    @discardableResult
    func await(_ isEnough: ([Delivery]) throws -> Bool) throws -> [Delivery] {
        var arrived: [Delivery] = []
        while try !isEnough(arrived) {
            let new = mailbox.receive(waitingAtMost: .seconds(600), limit: 1)
            guard !new.isEmpty else { throw TooLong(description: "nothing comes any more; \(arrived.count) came") }
            for case .delivery(let delivery) in new { arrived.append(delivery) }
        }
        return arrived
    }

    /// Waits until so many different sagas have ended; an event may come more than once.
    func awaitEnds(_ count: Int) throws {
        var ended: Set<String> = []
        try self.await { arrived in
            if let last = arrived.last?.message.properties, ["COMPLETED", "COMPENSATED"].contains(last.type),
                let saga = last.correlationID
            {
                ended.insert(saga)
            }
            return ended.count >= count
        }
    }

    /// Lets other threads go on, when there is no message to wait for; not for ever.
    static func pass() throws {
        let memory = Thread.current.threadDictionary
        let count = (memory["passes"] as? Int ?? 0) + 1
        memory["passes"] = count
        guard count < 200_000 else { throw TooLong(description: "it does not happen") }
        _ = BusMailbox().receive(waitingAtMost: .milliseconds(1))
    }

    // MARK: What is there

    /// I1 and I6: every saga has ended and nothing is left over.
    func expectRest(sagas: Int, _ location: SourceLocation = #_sourceLocation) throws {
        let (counts, outbox, letters) = try store.read {
            (try $0.countByStatus(), try $0.outboxCount(), try $0.deadLetters(includingSettled: true, limit: 5))
        }
        #expect(counts.values.reduce(0, +) == sagas, sourceLocation: location)
        #expect(counts.keys.allSatisfy { $0.isTerminal }, "\(counts)", sourceLocation: location)
        #expect(outbox == 0, sourceLocation: location)
        #expect(letters.isEmpty, "\(letters.first?.detail ?? "")", sourceLocation: location)
    }

    func history(ofKey key: String) throws -> [String] {
        let saga = try #require(try store.read { try $0.sagas(withKey: key).first })
        return try store.read { transaction in
            let definition = try #require(try transaction.definition(of: saga))
            return try transaction.history(of: saga, definition: definition).map { entry in
                [entry.json["event"], entry.json["step"], entry.json["kind"]].compactMap { $0?.string }
                    .joined(separator: " ")
            }
        }
    }
}

extension Orchestrator {
    /// Runs while `body` runs on a thread of its own, then stops in order.
    func run(while body: @escaping @Sendable () throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.run() }
            group.addTask {
                defer { self.stop() }
                try await runOnDedicatedThread(body)
            }
            try await group.waitForAll()
        }
    }
}

extension Logger {
    static var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// Answers the commands of some participants on a thread of its own.
final class Participants: Sendable {
    private let mailbox = BusMailbox()
    private let isStopping = Atomic(false)
    private let seen = Mutex<[Command]>([])

    /// Commands in the order they came.
    var commands: [Command] { seen.withLock { $0 } }

    /// - Parameter script: the replies to a command, in order; called on one thread.
    init(
        _ names: [String] = ["stock", "bank"], on bus: InMemoryBus,
        script: @escaping @Sendable (Command) -> [Reply] = { [.success($0)] }
    ) throws {
        let publisher = try bus.openPublisher(mailbox: BusMailbox())
        var consumers: [ConsumerID: any BusConsumer] = [:]
        for name in names {
            consumers[ConsumerID(name)] = try bus.openConsumer(
                ConsumerID(name), queue: SkaldNames.commandQueue(participant: name), options: ConsumerOptions(),
                mailbox: mailbox)
        }
        DedicatedThread.start { [self, consumers] in
            var token: UInt64 = 0
            while !isStopping.load(ordering: .acquiring) {
                for case .delivery(let delivery) in mailbox.receive(waitingAtMost: nil) {
                    guard let command = try? Command.decode(delivery.message) else { continue }
                    seen.withLock { $0.append(command) }
                    for reply in script(command) {
                        token += 1
                        publisher.publish([(token: token, message: reply.message(to: command.replyTo))])
                    }
                    consumers[delivery.consumer]?.acknowledge([delivery.tag])
                }
            }
            for consumer in consumers.values { consumer.close() }
        }
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        mailbox.wake()
    }
}

extension Reply {
    /// Success with every output that the tests' definitions refer to.
    static func success(_ command: Command) -> Reply {
        Reply(
            command: command.id, outcome: .succeeded, attempt: command.attempt,
            body: [
                "place": "A1", "reservation": "r", "authorization": "a", "entry": "e", "capture": "c",
            ])
    }

    static func failure(_ command: Command, _ code: String = "DECLINED") -> Reply {
        Reply(command: command.id, outcome: .failed, attempt: command.attempt, body: ["code": .string(code)])
    }

    static func retry(_ command: Command) -> Reply {
        Reply(command: command.id, outcome: .retry, attempt: command.attempt, body: ["code": "LATER"])
    }
}
