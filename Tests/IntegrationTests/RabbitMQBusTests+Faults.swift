import BusConformance
import Logging
import RabbitMQBus
import SagaBus
import SagaCore
import Synchronization
import Testing

extension Watcher {
    func publisherLost() throws -> BusError {
        try next("publisherLost") { if case .publisherLost(let error) = $0 { error } else { nil } }
    }
    func publisherReady() throws {
        try next("publisherReady") { if case .publisherReady = $0 { () } else { nil } }
    }
    func consumerLost() throws -> BusError {
        try next("consumerLost") { if case .consumerLost(_, let error) = $0 { error } else { nil } }
    }
    func failed() throws -> BusError {
        try next("failed") { if case .failed(let error) = $0 { error } else { nil } }
    }
}

/// What a bus has written in its log.
private final class Complaints: Sendable {
    private let lines = Mutex<[String]>([])
    private let changed = BusMailbox()

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(complaints: self) }
        logger.logLevel = .debug
        return logger
    }

    /// Waits for so many lines.
    func await(_ count: Int, with part: String) {
        while lines.withLock({ $0.count { $0.contains(part) } }) < count {
            _ = changed.receive(waitingAtMost: .seconds(600))
        }
    }

    private struct Handler: LogHandler {
        let complaints: Complaints
        var logLevel = Logger.Level.debug
        var metadata = Logger.Metadata()
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            complaints.lines.withLock { $0.append("\(event.message)") }
            complaints.changed.wake()
        }
    }
}

/// A bus whose connections go through a proxy, with one queue, and everything the tests need of it.
private struct Line {
    let proxy: FaultyProxy
    let bus: RabbitMQBus
    let queue = uniqueName()
    let watcher = Watcher()

    init(to url: String, timeout: Duration = .seconds(10), logger: Logger) throws {
        proxy = try FaultyProxy(to: url)
        var options = RabbitMQOptions()
        options.heartbeat = .seconds(1)
        options.timeout = timeout
        bus = try RabbitMQBus(url: proxy.url, options: options, logger: logger)
        try bus.declare(Topology(queues: [.init(queue)]))
    }

    func consumer(exclusive: Bool = false) throws -> any BusConsumer {
        let consumer = try bus.openConsumer(
            ConsumerID(queue), queue: queue, options: ConsumerOptions(isExclusive: exclusive), mailbox: watcher.mailbox)
        _ = try watcher.consuming()
        return consumer
    }

    func publisher() throws -> any BusPublisher { try bus.openPublisher(mailbox: watcher.mailbox) }

    static func run(
        to url: String, timeout: Duration = .seconds(10), logger: Logger = Logger(label: "test"),
        _ body: @escaping @Sendable (Line) throws -> Void
    ) async throws {
        try await runOnDedicatedThread {
            let line = try Line(to: url, timeout: timeout, logger: logger)
            defer {
                line.bus.close()
                line.proxy.stop()
            }
            try body(line)
        }
    }
}

@Suite(.enabled(if: TestBroker.isThere, TestBroker.missing))
struct RabbitMQBusFaultTests {
    let url: String

    init() throws { url = try #require(TestBroker.url) }

    @Test("F17: a paused consumer that goes on while the broker believes its queue taken waits for it")
    func takenWhilePaused() async throws {
        let url = url
        let log = Complaints()
        try await Line.run(to: url, logger: log.logger) { line in
            let consumer = try line.consumer(exclusive: true)
            consumer.pause()
            let predecessor = try RabbitMQBus(url: url, options: RabbitMQOptions())
            defer { predecessor.close() }
            // It waits until the queue is free.
            let other = try predecessor.openConsumer(
                "other", queue: line.queue, options: ConsumerOptions(isExclusive: true), mailbox: BusMailbox())
            consumer.resume()
            try require(try line.watcher.consumerLost().code == .accessRefused, "somebody else has it")
            // That it is taken is complained of once when it is lost, and once more when it is asked for again.
            log.await(2, with: "exclusive use")
            other.close()
            let isBack = try line.watcher.next("consuming or failed") { event in
                switch event {
                case .consuming: true
                case .failed: false
                default: nil
                }
            }
            try require(isBack, "it gets its queue")
        }
    }

    @Test("F13: a cut connection is made again; what was unsettled comes again, old tags are void")
    func connectionsCut() async throws {
        try await Line.run(to: url) { line in
            let (consumer, publisher) = (try line.consumer(), try line.publisher())
            publisher.publish(texts: ["a"], to: line.queue)
            _ = try line.watcher.outcomes(1)
            let first = try line.watcher.delivery()
            line.proxy.cutAll()
            try require(try line.watcher.consumerLost().isTemporary, "the loss of a connection is temporary")
            _ = try line.watcher.publisherLost()
            try line.watcher.publisherReady()
            _ = try line.watcher.consuming()
            let again = try line.watcher.delivery()
            try require(again.text == "a" && again.isRedelivered, "the unsettled delivery comes again")
            try require(again.tag.epoch > first.tag.epoch, "tags of two connections differ")
            consumer.acknowledge([first.tag])
            publisher.publish(texts: ["b"], to: line.queue)
            try require(try line.watcher.outcomes(1)[1] == .confirmed, "publishing goes on")
            let second = try line.watcher.delivery()
            try require(second.text == "b", "consuming goes on")
            consumer.requeue([again.tag])
            try require(try line.watcher.delivery().text == "a", "the void tag acknowledged nothing")
        }
    }

    @Test("F13: while the broker is away publishing is unknown at once; afterwards all goes on")
    func brokerAway() async throws {
        try await Line.run(to: url) { line in
            let publisher = try line.publisher()
            line.proxy.refuseAll()
            _ = try line.watcher.publisherLost()
            publisher.publish(texts: ["a", "b"], to: line.queue)
            try require(
                try line.watcher.outcomes(2).values.allSatisfy { $0 == .unknown },
                "nothing is known of what was not sent")
            do throws(BusError) {
                _ = try line.bus.depth(ofQueue: line.queue)
                throw BusError(.closed, "the broker was asked while away")
            } catch {
                try require(error.isTemporary, "asking the broker fails, temporarily: \(error)")
            }
            line.proxy.acceptAgain()
            try line.watcher.publisherReady()
            publisher.publish(texts: ["a"], to: line.queue)
            try require(try line.watcher.outcomes(1)[1] == .confirmed, "publishing goes on")
        }
    }

    @Test("F13: messages cut off in mid-flight are each reported once, and none is reported confirmed and lost")
    func cutInFlight() async throws {
        try await Line.run(to: url) { line in
            let publisher = try line.publisher()
            var confirmed = 0
            for _ in 0..<5 {
                publisher.publish(texts: (1...3000).map { "m\($0)" }, to: line.queue)
                let early = try line.watcher.next("results") { event -> [PublishResult]? in
                    if case .published(let results) = event { results } else { nil }
                }
                line.proxy.cutAll()
                var outcomes = Dictionary(uniqueKeysWithValues: early.map { ($0.token, $0.outcome) })
                for (token, outcome) in try line.watcher.outcomes(3000 - early.count) {
                    try require(outcomes.updateValue(outcome, forKey: token) == nil, "\(token) came back twice")
                }
                confirmed += outcomes.values.count { $0 == .confirmed }
                try require(
                    outcomes.values.allSatisfy { $0 == .confirmed || $0 == .unknown }, "confirmed or unknown only")
                _ = try line.watcher.publisherLost()
                try line.watcher.publisherReady()
            }
            let depth = try line.bus.depth(ofQueue: line.queue) ?? 0
            try require(depth >= confirmed, "\(confirmed) were confirmed, \(depth) are there")
        }
    }

    @Test("F17: a half-open connection is noticed by its missing heartbeats")
    func halfOpen() async throws {
        try await Line.run(to: url) { line in
            let (consumer, publisher) = (try line.consumer(exclusive: true), try line.publisher())
            line.proxy.silenceAll()
            _ = try line.watcher.consumerLost()
            _ = try line.watcher.publisherLost()
            // The broker may hold the queue for the old connection until it misses heartbeats itself.
            _ = try line.watcher.consuming()
            try line.watcher.publisherReady()
            publisher.publish(texts: ["a"], to: line.queue)
            try require(try line.watcher.outcomes(1)[1] == .confirmed, "publishing goes on")
            consumer.acknowledge([try line.watcher.delivery().tag])
        }
    }

    @Test("F14: a write that the broker never takes ends, although heartbeats still arrive")
    func stuckWrite() async throws {
        try await Line.run(to: url) { line in
            let publisher = try line.publisher()
            line.proxy.deafenAll()
            let body = [UInt8](repeating: 7, count: 256 << 10)
            let count = 200
            publisher.publish(
                (1...UInt64(count)).map {
                    ($0, Message(exchange: "", routingKey: line.queue, properties: MessageProperties(), body: body))
                })
            _ = try line.watcher.publisherLost()
            try require(
                try line.watcher.outcomes(count).values.allSatisfy { $0 == .unknown }, "nothing of it was confirmed")
            try line.watcher.publisherReady()
        }
    }

    @Test("close does not wait for a broker that is silent or away")
    func closeWhileAway() async throws {
        try await Line.run(to: url) { line in
            let publisher = try line.publisher()
            _ = try line.consumer()
            line.proxy.refuseAll()
            _ = try line.watcher.publisherLost()
            _ = try line.watcher.consumerLost()
            line.bus.close()
            publisher.publish(texts: ["late"], to: line.queue)
            try require(try line.watcher.outcomes(1)[1] == .unknown, "nothing was sent")
        }
    }

    @Test("a consumer paused when its connection is cut stays paused, and resumes on the new one")
    func cutWhilePaused() async throws {
        try await Line.run(to: url) { line in
            let (consumer, publisher) = (try line.consumer(), try line.publisher())
            consumer.pause()
            line.proxy.cutAll()
            _ = try line.watcher.consumerLost()
            try line.watcher.publisherReady()
            publisher.publish(texts: ["a"], to: line.queue)
            _ = try line.watcher.outcomes(1)
            // The broker may still believe in the old connection and have the message wait there; but nothing is begun.
            try require(
                !line.watcher.leftovers().contains { if case .consuming = $0 { true } else { false } },
                "it stays paused")
            consumer.resume()
            _ = try line.watcher.consuming()
            let delivery = try line.watcher.delivery()
            try require(delivery.text == "a", "what was waiting comes")
            consumer.acknowledge([delivery.tag])
        }
    }

    @Test("a temporary queue is made again with its binding after a cut")
    func temporaryQueueAfterCut() async throws {
        try await Line.run(to: url) { line in
            let name = uniqueName()
            try line.bus.declare(
                Topology(
                    exchanges: [.init(name, .direct)], queues: [.init(name, isTemporary: true)],
                    bindings: [.init(exchange: name, routingKey: "k", queue: name)]))
            let publisher = try line.publisher()
            _ = try line.bus.openConsumer(
                "answers", queue: name, options: ConsumerOptions(), mailbox: line.watcher.mailbox)
            _ = try line.watcher.consuming()
            line.proxy.cutAll()
            _ = try line.watcher.consumerLost()
            _ = try line.watcher.consuming()
            try line.watcher.publisherReady()
            publisher.publish(texts: ["answer"], exchange: name, to: "k", mandatory: true)
            try require(try line.watcher.delivery().text == "answer", "the binding is back")
        }
    }
}

@Suite(.enabled(if: TestBroker.isThere, TestBroker.missing))
struct RabbitMQBusRefusalTests {
    let url: String

    init() throws { url = try #require(TestBroker.url) }

    private func expect(
        _ code: BusError.Code, url: String, saying part: String,
        _ body: @escaping @Sendable (RabbitMQBus) throws -> Void
    ) async throws {
        try await runOnDedicatedThread {
            let bus = try RabbitMQBus(url: url)
            defer { bus.close() }
            do {
                try body(bus)
            } catch let error as BusError {
                try require(error.code == code, "expected \(code), got \(error.code): \(error)")
                return try require(error.message.contains(part), "not clear: \(error)")
            }
            throw Nonconformance("nothing was thrown")
        }
    }

    @Test func wrongPassword() async throws {
        let wrong = String(url.split(separator: "@", maxSplits: 1)[1])
        try await expect(.accessRefused, url: "amqp://guest:wrong@" + wrong, saying: "guest") {
            _ = try $0.openPublisher(mailbox: BusMailbox())
        }
    }

    @Test func unknownVirtualHost() async throws {
        try await expect(.accessRefused, url: url + "nowhere", saying: "nowhere") {
            _ = try $0.openPublisher(mailbox: BusMailbox())
        }
    }

    @Test func nobodyThere() async throws {
        try await expect(.connection, url: "amqp://guest:guest@127.0.0.1:1/", saying: "127.0.0.1:1") {
            _ = try $0.openPublisher(mailbox: BusMailbox())
        }
    }

    @Test("TLS against a broker that has none fails, in time")
    func noTLS() async throws {
        let secure = "amqps" + url.dropFirst("amqp".count)
        try await runOnDedicatedThread {
            let bus = try RabbitMQBus(url: secure)
            do throws(BusError) {
                _ = try bus.openPublisher(mailbox: BusMailbox())
            } catch { return }
            throw Nonconformance("a connection without TLS was accepted")
        }
    }

    @Test func aQueueOfAnotherKindIsAMismatch() async throws {
        let name = uniqueName()
        try await expect(.mismatch, url: url, saying: name) { [url] bus in
            try bus.declare(Topology(queues: [.init(name)]))
            var options = RabbitMQOptions()
            options.queueKind = .quorum
            try RabbitMQBus(url: url, options: options).declare(Topology(queues: [.init(name)]))
        }
    }

    @Test("a message under another user's name is refused for good")
    func forgedUser() async throws {
        try await runOnDedicatedThread { [url] in
            let bus = try RabbitMQBus(url: url)
            defer { bus.close() }
            let (name, watcher) = (uniqueName(), Watcher())
            try bus.declare(Topology(queues: [.init(name)]))
            let publisher = try bus.openPublisher(mailbox: watcher.mailbox)
            let message = Message(
                exchange: "", routingKey: name, properties: MessageProperties(userID: "someone-else"), body: [])
            publisher.publish([(1, message)])
            try require(try watcher.failed().code == .mismatch, "the broker checks the user")
            publisher.publish([(2, message)])
            try require(
                try watcher.outcomes(2).values.allSatisfy { $0 == .unknown }, "each token still comes back once")
        }
    }

    @Test func userIDIsSetWhereAsked() async throws {
        try await runOnDedicatedThread { [url] in
            var options = RabbitMQOptions()
            options.setsUserID = true
            let bus = try RabbitMQBus(url: url, options: options)
            defer { bus.close() }
            let (name, watcher) = (uniqueName(), Watcher())
            try bus.declare(Topology(queues: [.init(name)]))
            _ = try bus.openConsumer("c", queue: name, options: ConsumerOptions(), mailbox: watcher.mailbox)
            try bus.openPublisher(mailbox: watcher.mailbox).publish(texts: ["a"], to: name)
            try require(try watcher.delivery().message.properties.userID == "guest", "the broker's user")
        }
    }

    @Test("MESSAGE_TOO_LARGE: of an oversized body one byte too many arrives, and what follows is whole")
    func oversizedBody() async throws {
        try await runOnDedicatedThread { [url] in
            let bus = try RabbitMQBus(url: url)
            defer { bus.close() }
            let (name, watcher) = (uniqueName(), Watcher())
            try bus.declare(Topology(queues: [.init(name)]))
            let consumer = try bus.openConsumer(
                "c", queue: name, options: ConsumerOptions(), mailbox: watcher.mailbox)
            let publisher = try bus.openPublisher(mailbox: watcher.mailbox)
            let large = Message(
                exchange: "", routingKey: name, properties: MessageProperties(messageID: "large"),
                body: [UInt8](repeating: 1, count: 3 << 20))
            publisher.publish([(1, large), (2, .text("small", to: name))])
            let deliveries = try watcher.deliveries(2)
            try require(deliveries[0].message.properties.messageID == "large", "its properties arrive")
            try require(deliveries[0].message.body.count == JSONLimits.command.maxBytes + 1, "cut behind the limit")
            try require(deliveries[1].text == "small", "its neighbour is unaffected")
            consumer.acknowledge(deliveries.map(\.tag))
        }
    }
}
