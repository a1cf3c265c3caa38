import Logging
import RabbitMQBus
import SagaBus
import SagaCore

/// What one turn gave.
struct BenchTurn: Sendable {
    var ended = 0
    /// Of the sagas that ended in the measured time, from handing over the start until their event is here.
    var microseconds: [Int64] = []
    var seconds = 0.0
    var before = SiteReading()
    var after = SiteReading()
}

/// Starts sagas and listens for their end, keeping as many under way as it is told.
final class BenchDriver: Sendable {
    private static let warmUp = Duration.seconds(1)
    /// Nothing has ended for so long: something is broken.
    private static let patience = Duration.seconds(60)
    private static let events = "bench.events"

    private let bus: RabbitMQBus
    private let mailbox = BusMailbox()
    private let publisher: any BusPublisher
    private let consumer: any BusConsumer

    init(url: String, queueKind: QueueKindArgument) throws {
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

    /// One turn: fills the window, measures for a time, and lets all end before it returns.
    func run(
        _ system: BenchSystem, keys: String, window: Int, seconds: Double, read: @escaping @Sendable () -> SiteReading
    ) async throws -> BenchTurn {
        try await runOnDedicatedThread { [self] in
            try turn(system, keys: keys, window: window, seconds: seconds, read: read)
        }
    }

    private func turn(
        _ system: BenchSystem, keys: String, window: Int, seconds: Double, read: () -> SiteReading
    ) throws -> BenchTurn {
        let clock = ContinuousClock()
        var turn = BenchTurn()
        var startedAt: [String: ContinuousClock.Instant] = [:]
        var number = 0
        let begin = clock.now + Self.warmUp
        let end = begin + .seconds(seconds)
        var measuringSince: ContinuousClock.Instant?
        var lastEnd = clock.now
        var isOver = false
        while !isOver || !startedAt.isEmpty {
            var now = clock.now
            if measuringSince == nil, now >= begin {
                turn.before = read()
                measuringSince = clock.now
            }
            if !isOver, now >= end {
                turn.after = read()
                now = clock.now
                turn.seconds = (measuringSince ?? begin).duration(to: now).seconds
                isOver = true
            }
            if !isOver { start(system, keys, window, &number, &startedAt, now) }
            guard lastEnd.duration(to: now) < Self.patience else {
                throw CommandFailure(
                    .refused, "\(startedAt.count) sagas of \(system.rawValue) have not ended in a minute; see the logs")
            }
            let isMeasuring = measuringSince != nil && !isOver
            for id in try takeEnds(system) {
                guard let started = startedAt.removeValue(forKey: id) else { continue }
                lastEnd = clock.now
                guard isMeasuring else { continue }
                turn.ended += 1
                turn.microseconds.append(Int64(started.duration(to: lastEnd).seconds * 1e6))
            }
        }
        return turn
    }

    private func start(
        _ system: BenchSystem, _ keys: String, _ window: Int, _ number: inout Int,
        _ startedAt: inout [String: ContinuousClock.Instant], _ now: ContinuousClock.Instant
    ) {
        var starts: [(token: UInt64, message: Message)] = []
        while startedAt.count < window {
            number += 1
            let key = "\(keys)-\(number)"
            startedAt[key] = now
            starts.append((0, Self.start(system, key: key, isRefused: system.refuses(number))))
        }
        if !starts.isEmpty { publisher.publish(starts) }
    }

    private static func start(_ system: BenchSystem, key: String, isRefused: Bool) -> Message {
        let isBare = system == .bare
        return Message(
            exchange: SkaldNames.starts, routingKey: isBare ? BenchRelay.starts : "0",
            properties: MessageProperties(messageID: key, type: system.definition),
            body: BenchDefinitions.order(key, isRefused: isRefused), isMandatory: true)
    }

    /// The keys of sagas that have ended.
    private func takeEnds(_ system: BenchSystem) throws -> [String] {
        var keys: [String] = []
        var tags: [DeliveryTag] = []
        for event in mailbox.receive(waitingAtMost: .milliseconds(50)) {
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
