import Logging
import RabbitMQBus
import SagaBus
import SagaCore

/// What one turn gave.
struct BenchTurn: Sendable {
    /// In the measured time.
    var ended = 0
    /// How many were to begin each second; 0 where so many were in flight instead.
    var perSecondDue = 0.0
    /// Of each saga that counts, from when it was handed over, or was due, until its event is here.
    var microseconds: [Int64] = []
    var seconds = 0.0
    var before = SiteReading()
    var after = SiteReading()
}

/// Starts sagas and listens for their end, keeping as many under way, or beginning as many a second, as it is told.
final class BenchDriver: Sendable {
    private static let warmUp = Duration.seconds(1)
    /// Of many in flight the first ones, which begin all at once, have to end before anything counts; but not for ever.
    private static let longestWarmUp = Duration.seconds(30)
    /// Nothing has ended for so long: something is broken.
    private static let patience = Duration.seconds(60)
    private static let longestWait = Duration.milliseconds(50)
    private static let events = "bench.events"

    private let keys: BenchKeys
    private let bus: RabbitMQBus
    private let mailbox = BusMailbox()
    private let publisher: any BusPublisher
    private let consumer: any BusConsumer

    init(url: String, queueKind: QueueKindArgument, keys: BenchKeys) throws {
        self.keys = keys
        var logger = Logger(label: "skald.bench") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .error
        var options = RabbitMQOptions()
        options.connectionName = "skald bench"
        options.queueKind = queueKind == .quorum ? .quorum : .classic
        bus = try RabbitMQBus(url: url, options: options, logger: logger)
        try bus.declare(.orchestrator(shard: 0) + BenchRelay.topology)
        try bus.declare(
            Topology(
                queues: [.init(Self.events)],
                bindings: [.init(exchange: SkaldNames.events, routingKey: "#", queue: Self.events)]))
        publisher = try bus.openPublisher(mailbox: mailbox)
        consumer = try bus.openConsumer(
            "events", queue: Self.events, options: ConsumerOptions(prefetch: 1000), mailbox: mailbox)
    }

    func close() { bus.close() }

    /// One turn: begins sagas as the load says, measures for a time, and lets all end before it returns.
    ///
    /// - Parameter load: sagas in flight, or a rate.
    func run(
        _ system: BenchSystem, keys prefix: String, load: BenchLoad, seconds: Double,
        read: @escaping @Sendable () -> SiteReading
    ) async throws -> BenchTurn {
        try await runOnDedicatedThread { [self] in
            try turn(system, prefix, load, seconds: seconds, read: read)
        }
    }

    private func turn(
        _ system: BenchSystem, _ prefix: String, _ load: BenchLoad, seconds: Double, read: () -> SiteReading
    ) throws -> BenchTurn {
        let clock = ContinuousClock()
        var turn = BenchTurn()
        var underWay = SagasUnderWay(system: system, prefix: prefix, keys: keys)
        var arrivals: ArrivalSchedule?
        if case .rate(let rate) = load {
            arrivals = ArrivalSchedule(from: clock.now, perSecond: rate)
            turn.perSecondDue = rate
        }
        let begun = clock.now
        var measuringSince: ContinuousClock.Instant?
        var endedBefore = 0
        var lastEnd = begun
        var isOver = false
        while !isOver || !underWay.isEmpty {
            var now = clock.now
            let hasTurnedOver = endedBefore >= load.window ?? 0 || begun.duration(to: now) > Self.longestWarmUp
            if measuringSince == nil, begun.duration(to: now) > Self.warmUp, hasTurnedOver {
                turn.before = read()
                measuringSince = clock.now
            }
            if !isOver, let since = measuringSince, since.duration(to: now) >= .seconds(seconds) {
                turn.after = read()
                now = clock.now
                turn.seconds = since.duration(to: now).seconds
                isOver = true
            }
            if !isOver {
                let starts =
                    arrivals?.takeDue(at: now).map { underWay.begin(at: $0) }
                    ?? underWay.fill(to: load.window ?? 0, at: now)
                if !starts.isEmpty {
                    if underWay.count == starts.count { lastEnd = now }
                    publisher.publish(starts)
                }
            }
            guard lastEnd.duration(to: now) < Self.patience else {
                throw CommandFailure(
                    .refused, "\(underWay.count) sagas of \(system.rawValue) have not ended in a minute; see the logs")
            }
            let patience = isOver ? Self.longestWait : arrivals.map { now.duration(to: $0.next) } ?? Self.longestWait
            for id in try takeEnds(waitingAtMost: min(patience, Self.longestWait)) {
                guard let started = underWay.end(id) else { continue }
                lastEnd = clock.now
                let isMeasuring = measuringSince != nil && !isOver
                if isMeasuring { turn.ended += 1 } else { endedBefore += 1 }
                // In flight those that ended in the measured time count, at a rate those that were due in it, also where
                // they end later: a system that falls behind must not lose its slowest.
                let counts = arrivals == nil ? isMeasuring : measuringSince.map { started >= $0 } == true
                if counts { turn.microseconds.append(Int64(started.duration(to: lastEnd).seconds * 1e6)) }
            }
        }
        return turn
    }

    /// Starts sagas without waiting for their ends.
    func start(_ count: Int, of system: BenchSystem, keys prefix: String) async throws {
        try await runOnDedicatedThread { [self] in
            var underWay = SagasUnderWay(system: system, prefix: prefix, keys: keys)
            publisher.publish(underWay.fill(to: count, at: .now))
        }
    }

    /// Returns when so many sagas have ended whose keys begin so.
    func awaitEnds(_ count: Int, keys prefix: String) async throws {
        try await runOnDedicatedThread { [self] in
            var ended: Set<String> = []
            var lastEnd = ContinuousClock.now
            while ended.count < count {
                let new = try takeEnds(waitingAtMost: Self.longestWait).filter { $0.contains(prefix + "-") }
                ended.formUnion(new)
                if !new.isEmpty { lastEnd = .now }
                guard lastEnd.duration(to: .now) < Self.patience else {
                    throw CommandFailure(
                        .refused, "\(count - ended.count) sagas have not ended in a minute; see the logs")
                }
            }
        }
    }

    /// The keys of sagas that have ended.
    private func takeEnds(waitingAtMost timeout: Duration) throws -> [String] {
        var keys: [String] = []
        var tags: [DeliveryTag] = []
        for event in mailbox.receive(waitingAtMost: max(.zero, timeout)) {
            switch event {
            case .delivery(let delivery):
                tags.append(delivery.tag)
                let properties = delivery.message.properties
                if properties.type == BenchDefinitions.completed || properties.type == BenchDefinitions.compensated,
                    let key = BenchDefinitions.subject(of: delivery.message.body)
                {
                    keys.append(key)
                }
            case .failed(let error): throw CommandFailure(.unavailable, "\(error)")
            case .consumerLost(_, let error), .publisherLost(let error):
                throw CommandFailure(.unavailable, "the broker has gone: \(error)")
            default: break
            }
        }
        if !tags.isEmpty { consumer.acknowledge(tags) }
        return keys
    }
}

/// Sagas that have been started and have not ended, by their keys.
private struct SagasUnderWay {
    let system: BenchSystem
    let prefix: String
    let keys: BenchKeys
    private var number = 0
    private var startedAt: [String: ContinuousClock.Instant] = [:]

    init(system: BenchSystem, prefix: String, keys: BenchKeys) {
        self.system = system
        self.prefix = prefix
        self.keys = keys
    }

    var count: Int { startedAt.count }
    var isEmpty: Bool { startedAt.isEmpty }

    mutating func begin(at time: ContinuousClock.Instant) -> (token: UInt64, message: Message) {
        number += 1
        let key = keys.key(prefix, number)
        startedAt[key] = time
        let message = Message(
            exchange: SkaldNames.starts, routingKey: system == .bare ? BenchRelay.starts : "0",
            properties: MessageProperties(messageID: key, type: system.definition),
            body: BenchDefinitions.order(key, isRefused: system.refuses(number)), isMandatory: true)
        return (0, message)
    }

    mutating func fill(to window: Int, at time: ContinuousClock.Instant) -> [(token: UInt64, message: Message)] {
        (0..<max(0, window - count)).map { _ in begin(at: time) }
    }

    /// When it began; nil if it is none of these.
    mutating func end(_ key: String) -> ContinuousClock.Instant? { startedAt.removeValue(forKey: key) }
}
