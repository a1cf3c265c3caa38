import DurableSQLite
import GRDB
import Logging
import OrderServices
import SagaBus
import SagaCore
import SagaEngine
import SagaParticipant
import SagaStore
import Synchronization

/// A whole system in memory, the real worker and the real order services, and the client that sends to it.
///
/// Its time is set by hand. Everything here but ``start()`` and ``stop()`` is used by one thread.
final class FuzzSystem {
    /// Where callers hear of starts and requests.
    static let answers = "fuzz.answers"
    /// Where replies to commands go that the round sends itself.
    static let replies = "fuzz.replies"

    let bus = InMemoryBus()
    let store: SagaStore
    let services: [OpenOrderService]
    let log = FuzzLog()
    private let time: Time
    private let orchestrator: Orchestrator
    private var tasks: [Task<Void, Never>] = []
    private let running = Running()
    private let mailbox = BusMailbox()
    private var consumers: [ConsumerID: any BusConsumer] = [:]

    private(set) var answered: [Answer] = []
    private(set) var replied: [Message] = []
    /// Something came to the client that its library cannot read.
    private(set) var unreadable: [String] = []

    /// The engine's clock.
    private final class Time: Sendable {
        private let now: Mutex<Timestamp>
        init(_ start: Timestamp) { now = Mutex(start) }
        var value: Timestamp {
            get { now.withLock { $0 } }
            set { now.withLock { $0 = newValue } }
        }
    }

    /// Who has stopped, and why.
    private final class Running: Sendable {
        private let ended = Mutex<[String]>([])
        func end(_ name: String, _ error: (any Error)?) {
            ended.withLock { $0.append(error.map { "\(name): \($0)" } ?? name) }
        }
        var ends: [String] { ended.withLock { $0 } }
    }

    init(definitions: [SagaDefinition], at start: Timestamp) throws {
        store = try SagaStore()
        let held = DefinitionReader.read(FuzzCast.held)
        guard let definition = held.definition else { preconditionFailure("\(held.problems)") }
        var settings = EngineSettings()
        settings.inputCheck = { Order.check($0, $1) }
        let time = Time(start)
        self.time = time
        orchestrator = Orchestrator(
            store: store, bus: bus, settings: settings, definitions: definitions + [definition],
            clock: EngineClock(reading: { time.value }), logger: log.logger("orchestrator"))
        services = try OrderService.allCases.map { try $0.open(directory: nil) }
        for service in services where service.kind == .inventory {
            _ = try service.receiveStock(FuzzCast.stock, now: start)
        }
    }

    func start() throws {
        var topology = Topology.orchestrator(shard: 0)
        for door in FuzzDoor.participants { topology = topology + .participant(door.rawValue) }
        topology =
            topology
            + Topology(
                queues: [Topology.Queue(Self.answers), Topology.Queue(Self.replies)],
                bindings: [
                    Topology.Binding(
                        exchange: SkaldNames.replies, routingKey: Self.replies, queue: Self.replies)
                ])
        try bus.declare(topology)
        for queue in [Self.answers, Self.replies] {
            consumers[ConsumerID(queue)] = try bus.openConsumer(
                ConsumerID(queue), queue: queue, options: ConsumerOptions(), mailbox: mailbox)
        }
        run("orchestrator") { [orchestrator] in try await orchestrator.run() }
        for service in services {
            let runner = service.service(
                over: bus, logger: log.logger(service.kind.rawValue), now: { [time] in time.value })
            run(service.kind.rawValue) { try await runner.run() }
        }
    }

    private func run(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
        tasks.append(
            Task.detached { [running] in
                do {
                    try await body()
                    running.end(name, nil)
                } catch {
                    running.end(name, error)
                }
            })
    }

    /// Stops everything in order; false if something does not stop.
    func stop(within patience: Duration) -> Bool {
        for task in tasks { task.cancel() }
        let end = ContinuousClock.now + patience
        while running.ends.count < tasks.count, ContinuousClock.now < end { take() }
        bus.close()
        return running.ends.count == tasks.count
    }

    /// Parts that have stopped by themselves.
    var ends: [String] { running.ends }

    var now: Timestamp {
        get { time.value }
        set { time.value = newValue }
    }

    func send(_ messages: [(queue: String, message: Message)]) { bus.deliver(messages) }

    /// Takes what has come for the client, waiting for a moment.
    func take() {
        for event in mailbox.receive(waitingAtMost: .milliseconds(5)) {
            guard case .delivery(let delivery) = event else { continue }
            if delivery.consumer.name == Self.answers {
                read(delivery.message)
            } else {
                replied.append(delivery.message)
            }
            consumers[delivery.consumer]?.acknowledge([delivery.tag])
        }
    }

    /// Who has sent no id that can be repeated gets an answer without one.
    private func read(_ message: Message) {
        let properties = message.properties
        guard let kind = properties.type.flatMap(Answer.Kind.init(rawValue:)),
            let body = (try? JSONValue.parse(message.body))?.object
        else { return unreadable.append(properties.correlationID ?? "no id") }
        answered.append(Answer(kind: kind, requestID: properties.correlationID ?? "", body: body))
    }

    /// Nothing is under way: no message waits for anyone, and nothing waits to be published.
    func isQuiet() throws -> Bool {
        // Commits come before acknowledgements: what handled messages have caused shows when the file is read again.
        try unsent() == 0 && bus.isIdle && unsent() == 0
    }

    private func unsent() throws -> Int { try store.read { try $0.outboxCount() } }
}

extension FuzzSystem {
    func hasAnswer(to request: String) -> Bool { answered.contains { $0.requestID == request } }

    func hasReply(to command: CommandID) -> Bool {
        let id = "\(command)"
        return replied.contains { $0.properties.correlationID == id }
    }

    /// Sagas that any service has executed a command for.
    func sagasAtServices() throws -> Set<SagaID> {
        var sagas: Set<SagaID> = []
        for service in services {
            let found = try service.database.queue.read {
                try Int64.fetchAll($0, cachedSQL: "SELECT DISTINCT saga FROM barrier")
            }
            sagas.formUnion(found.map { SagaID(column: $0) })
        }
        return sagas
    }
}
