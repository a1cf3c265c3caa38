import Foundation
import Logging
import RabbitMQBus
import SagaBus
import SagaCore
import Synchronization

/// Places orders steadily, as a shop would: each is asked for again and again until the worker has answered, whatever
/// becomes of the broker. Now and then an order is placed twice, placed again with other content, or taken back.
final class OrderFeeder: Sendable {
    /// What has been asked for and answered.
    struct Tally: Sendable {
        /// Different starts, orders and returns of orders.
        var asked = 0
        var repeats = 0
        /// Starts with the key of another order, refused as they must be.
        var conflicts = 0
        /// The saga of each (definition, key).
        var accepted: [Key: SagaID] = [:]
        var unanswered = 0
        /// Answers that must never be.
        var wrong: [Wrong] = []
    }
    struct Key: Sendable, Hashable {
        let definition: String
        let key: String
    }
    struct Wrong: Sendable, Hashable {
        let text: String
        let sagas: [SagaID]
    }

    private let scenario: ChaosScenario
    private let url: String
    private let tally = Mutex(Tally())
    private let mustStopFeeding = Signal()
    private let mustEnd = Signal()
    private let hasFedAll = Signal()
    private let hasEnded = Signal()

    init(_ scenario: ChaosScenario, url: String) {
        self.scenario = scenario
        self.url = url
    }

    /// The stock that most of the orders find.
    var stock: String {
        var shop = DemoOrders(seed: scenario.seed)
        return shop.stock(for: scenario.expectedOrders)
    }

    var current: Tally { tally.withLock { $0 } }
    /// All orders of the scenario have been asked for.
    var isFed: Bool { hasFedAll.isSet }
    /// Everything that was asked for has been answered.
    var isDone: Bool { hasEnded.isSet }

    func start() {
        DedicatedThread.start { [self] in
            var line = OrderLine(scenario)
            while !mustEnd.isSet, !line.isDone { serve(&line) }
            hasEnded.set()
        }
    }

    /// No further orders; what is out is asked for until it is answered.
    func stopFeeding() { mustStopFeeding.set() }

    /// Ends now.
    func end() { mustEnd.set() }

    // MARK: The thread

    /// Works over one bus until everything is done or the bus fails for good.
    private func serve(_ line: inout OrderLine) {
        var logger = Logger(label: "skald.chaos") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .critical
        var options = RabbitMQOptions()
        options.connectionName = "skald chaos"
        options.timeout = .seconds(5)
        let mailbox = BusMailbox()
        let answers = "skald.answers.\(UUID().uuidString.lowercased())"
        guard let bus = try? RabbitMQBus(url: url, options: options, logger: logger) else {
            preconditionFailure("the address is our own")
        }
        defer { bus.close() }
        let publisher: any BusPublisher
        let consumer: any BusConsumer
        do {
            try bus.declare(.orchestrator(shard: 0))
            try bus.declare(Topology(queues: [Topology.Queue(answers, isTemporary: true)]))
            publisher = try bus.openPublisher(mailbox: mailbox)
            consumer = try bus.openConsumer("answers", queue: answers, options: ConsumerOptions(), mailbox: mailbox)
        } catch {
            usleep(200_000)
            return
        }
        line.askAllAgain()
        var isTaken = true
        var tellAt = ContinuousClock.now
        while !mustEnd.isSet, !line.isDone {
            if mustStopFeeding.isSet { line.stop() }
            if isTaken { line.publishDue(through: publisher, answers: answers) }
            for event in mailbox.receive(waitingAtMost: .milliseconds(20)) {
                switch event {
                case .delivery(let delivery):
                    consumer.acknowledge([delivery.tag])
                    if let answer = try? Answer.decode(delivery.message) { line.take(answer) }
                case .published(let results): line.take(results)
                case .consuming: line.askAllAgain()
                case .publishingBlocked, .publisherLost: isTaken = false
                case .publishingUnblocked, .publisherReady: isTaken = true
                case .consumerLost: break
                case .failed: return
                }
            }
            if ContinuousClock.now >= tellAt {
                tell(line)
                tellAt = ContinuousClock.now + .milliseconds(250)
            }
        }
        tell(line)
    }

    private func tell(_ line: OrderLine) {
        tally.withLock { [tally = line.tally] in $0 = tally }
        if line.isFed { hasFedAll.set() }
    }
}
