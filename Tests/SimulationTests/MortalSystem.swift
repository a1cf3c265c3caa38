import DurableSQLite
import GRDB
import OrderServices
import SagaBus
import SagaCore
import SagaEngine
import SagaParticipant
import SagaStore

@testable import SagaSimulator

/// A process that is gone from one instruction to the next: what it still does reaches neither broker nor disk.
private final class Life: @unchecked Sendable {
    // One thread drives everything here.
    let name: String
    var isOver = false
    var consumers: [any BusConsumer] = []
    var publishers: [any BusPublisher] = []

    init(_ name: String) { self.name = name }

    func end() {
        isOver = true
        // The broker notices that its connections are closed.
        for consumer in consumers { consumer.close() }
        for publisher in publishers { publisher.close() }
    }
}

/// The embedded bus as one process has it.
private final class MortalBus: MessageBus {
    private let bus: InMemoryBus
    private let life: Life

    init(_ bus: InMemoryBus, _ life: Life) {
        self.bus = bus
        self.life = life
    }

    func declare(_ topology: Topology) throws(BusError) { try bus.declare(topology) }

    func openPublisher(mailbox: BusMailbox) throws(BusError) -> any BusPublisher {
        let publisher = try bus.openPublisher(mailbox: mailbox)
        life.publishers.append(publisher)
        return Publisher(publisher: publisher, life: life)
    }

    func openConsumer(
        _ id: ConsumerID, queue: String, options: ConsumerOptions, mailbox: BusMailbox
    ) throws(BusError) -> any BusConsumer {
        let consumer = try bus.openConsumer(id, queue: queue, options: options, mailbox: mailbox)
        life.consumers.append(consumer)
        return consumer
    }

    func depth(ofQueue queue: String) throws(BusError) -> Int? { try bus.depth(ofQueue: queue) }
    func close() {}

    private struct Publisher: BusPublisher {
        let publisher: any BusPublisher
        let life: Life

        func publish(_ messages: [(token: UInt64, message: Message)]) {
            if !life.isOver { publisher.publish(messages) }
        }
        func close() { publisher.close() }
    }
}

/// Nothing that a dead process has written commits.
private final class MortalDisk: TransactionObserver {
    private let life: () -> Life?

    init(_ life: @escaping () -> Life?) { self.life = life }

    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
    func databaseDidChange(with event: DatabaseEvent) {}
    func databaseWillCommit() throws {
        if life()?.isOver == true { throw DatabaseError(resultCode: .SQLITE_IOERR, message: "the process is dead") }
    }
    func databaseDidCommit(_ db: Database) {}
    func databaseDidRollback(_ db: Database) {}
}

/// A worker, the three services and the broker, one step at a time; one of the processes dies at a crash point and is
/// started again.
final class MortalSystem: @unchecked Sendable {
    // One thread drives it.
    private let databases: Databases
    private let definitions: [SagaDefinition]
    private let bus = InMemoryBus()
    private let point: CrashPoint
    /// At the how manieth passage it dies; after a death, at the next one.
    private var passagesLeft: Int
    private var deathsLeft: Int
    private(set) var deaths = 0
    private var milliseconds: Int64 = 0
    private var processes: [(name: String, life: Life, program: any Program)] = []
    private var disks: [MortalDisk] = []
    private var seed: UInt64 = 1

    init(
        _ databases: Databases, _ definitions: [SagaDefinition], dying deaths: Int, at point: CrashPoint,
        afterReaching times: Int
    ) throws {
        self.databases = databases
        self.definitions = definitions
        self.point = point
        passagesLeft = times
        deathsLeft = deaths
        try databases.begin(stock: #"{"sku":"1","onHand":10}"#)
        for (name, queue) in [
            ("worker", databases.store.queue), ("inventory", databases.inventory.queue),
            ("payment", databases.payment.queue), ("payment", databases.gateway.database.queue),
            ("ledger", databases.ledger.queue),
        ] {
            let disk = MortalDisk { [unowned self] in processes.first { $0.name == name }?.life }
            disks.append(disk)
            queue.add(transactionObserver: disk, extent: .observerLifetime)
        }
        for name in ["worker", "inventory", "payment", "ledger"] { try start(name) }
    }

    // MARK: Processes

    private func start(_ name: String) throws {
        processes.removeAll { $0.name == name }
        let life = Life(name)
        processes.append((name, life, try program(name, life)))
    }

    private func program(_ name: String, _ life: Life) throws -> any Program {
        let crashPoints = CrashPoints { [unowned self] reached in
            guard reached == point, !life.isOver, deathsLeft > 0 else { return }
            passagesLeft -= 1
            guard passagesLeft <= 0 else { return }
            deathsLeft -= 1
            deaths += 1
            life.end()
        }
        let now: @Sendable () -> Timestamp = { [unowned self] in
            VirtualTime.origin.adding(milliseconds: milliseconds)
        }
        guard let service = service(name) else {
            var settings = EngineSettings()
            settings.crashPoints = crashPoints
            seed += 1
            return try EngineLoop(
                core: EngineCore(store: databases.store, settings: settings, definitions: []), store: databases.store,
                bus: MortalBus(bus, life), settings: settings, definitions: definitions,
                clock: EngineClock(reading: now), random: SplitMix64(seed: seed), signals: EngineSignals(),
                logger: .silent)
        }
        var settings = ParticipantSettings()
        settings.crashPoints = crashPoints
        return ParticipantLoop(
            core: ParticipantCore(
                participant: service.participant, database: service.database, crashPoints: crashPoints),
            bus: MortalBus(bus, life), settings: settings, signals: ParticipantSignals(),
            clock: ParticipantClock(now: now, elapsed: { [unowned self] in .milliseconds(milliseconds) }),
            perform: { call, signals in signals.returned(call.perform(crashPoints)) }, logger: .silent)
    }

    private func service(_ name: String) -> (participant: Participant, database: ParticipantDatabase)? {
        switch name {
        case "inventory": (Inventory.participant(), databases.inventory)
        case "payment": (Payment.participant(gateway: databases.gateway), databases.payment)
        case "ledger": (Ledger.participant(), databases.ledger)
        default: nil
        }
    }

    /// Every process takes a step; those that have died are started again a second later.
    private func round() throws {
        milliseconds += 20
        for (name, life, program) in processes {
            do {
                try program.step()
            } catch  where life.isOver {
                // What the dead meet is nobody's concern.
            }
            if life.isOver {
                milliseconds += 1000
                try start(name)
            }
        }
    }

    // MARK: The shop

    /// One order is completed, one is undone since its card is refused at the last moment, and the first is given back;
    /// one after the other.
    func runShop() throws {
        try run("place-order", Self.order("1", card: "tok_visa"), ends: 1)
        try run("place-order", Self.order("2", card: "tok_capture_declined"), ends: 2)
        try run("cancel-order", ["orderId": "1"], ends: 3)
    }

    private static func order(_ id: String, card: String) -> JSONValue {
        [
            "orderId": .string(id), "customerId": "C", "currency": "EUR", "total": 1000,
            "lines": [["sku": "1", "quantity": 1, "unitPrice": 1000, "discount": 0]],
            "paymentMethod": ["type": "card", "token": .string(card)],
        ]
    }

    private func run(_ definition: String, _ input: JSONValue, ends: Int) throws {
        try bus.declare(.orchestrator(shard: 0))
        let customer = try bus.openPublisher(mailbox: BusMailbox())
        let start = StartRequest(requestID: "start-\(ends)", definition: definition, input: input)
        customer.publish([(token: 1, message: start.message(shard: 0))])
        // Several minutes: far more than any retry takes.
        for _ in 0..<15_000 {
            try round()
            if try isAtRest(ends) { return }
        }
    }

    private func isAtRest(_ ends: Int) throws -> Bool {
        guard bus.isIdle else { return false }
        let (open, all, left) = try databases.store.read {
            (try $0.openSagaCount(), try $0.countByStatus().values.reduce(0, +), try $0.outboxCount())
        }
        return open == 0 && all == ends && left == 0
    }

    /// What is not as it should be: the ends, the outbox, the dead letters, money and stock.
    func breaches() throws -> [String] {
        var breaches: [String] = []
        let (counts, left, letters) = try databases.store.read {
            (
                try $0.countByStatus(), try $0.outboxCount(),
                try $0.deadLetters(includingSettled: true, limit: 3).map(\.detail)
            )
        }
        if counts != [.completed: 2, .compensated: 1] { breaches.append("the sagas ended as \(counts)") }
        if left != 0 { breaches.append("\(left) messages are left in the outbox") }
        if !letters.isEmpty { breaches.append("dead letters: \(letters)") }
        let audit = try databases.audit().report(atRest: true)
        return breaches + audit.violations + audit.unfinished
    }
}
