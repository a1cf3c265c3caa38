import BusConformance
import RabbitMQBus
import SagaBus
import Testing

@testable import skald

#if canImport(Glibc)
    import Glibc
#endif

/// A broker of the test's own, which it may stop, kill and starve: `SKALD_TEST_BROKER_CONTROL=scripts/broker`.
private struct OwnBroker {
    static let script = getenv("SKALD_TEST_BROKER_CONTROL").map { String(cString: $0) }
    static let isThere: Bool = script != nil
    static let missing: Comment = "set SKALD_TEST_BROKER_CONTROL to the path of scripts/broker"

    private let script: String
    private let port: Int
    let bus: RabbitMQBus
    let queue = uniqueName()
    let watcher = Watcher(patience: .seconds(600))

    private init(script: String) throws {
        self.script = script
        port = try PrivateBroker.freePort()
        var options = RabbitMQOptions()
        options.heartbeat = .seconds(2)
        bus = try RabbitMQBus(url: "amqp://guest:guest@127.0.0.1:\(port)/", options: options)
    }

    private func call(_ verb: String, _ rest: String = "") throws {
        let arguments = "--port \(port) --dir /tmp/skald-broker-test-\(port) --owner \(getpid()) \(rest)"
        let status = system("'\(script)' \(verb) \(arguments) >/dev/null")
        try require(status == 0, "\(script) \(verb) failed with \(status)")
    }

    func start() throws { try call("start") }
    func kill() throws { try call("kill") }
    func stop() throws { try call("stop") }
    func control(_ arguments: String) throws { try call("ctl", "-- " + arguments) }

    static func run(_ body: @escaping @Sendable (OwnBroker) throws -> Void) async throws {
        let script = try #require(script)
        try await runOnDedicatedThread {
            let broker = try OwnBroker(script: script)
            defer {
                broker.bus.close()
                try? broker.call("stop", "--purge")
            }
            try broker.start()
            try broker.bus.declare(Topology(queues: [.init(broker.queue)]))
            try body(broker)
        }
    }
}

@Suite(.serialized, .enabled(if: OwnBroker.isThere, OwnBroker.missing))
struct RabbitMQBrokerTests {
    @Test(
        "F13: nothing confirmed is lost when the broker is killed or stopped; everybody reconnects",
        arguments: [true, false])
    func restart(kills: Bool) async throws {
        try await OwnBroker.run { broker in
            let publisher = try broker.bus.openPublisher(mailbox: broker.watcher.mailbox)
            let texts = (1...500).map { "m\($0)" }
            publisher.publish(texts: texts, to: broker.queue)
            try require(try broker.watcher.outcomes(500).values.allSatisfy { $0 == .confirmed }, "all confirmed")
            let consumer = try broker.bus.openConsumer(
                "c", queue: broker.queue, options: ConsumerOptions(prefetch: 1000), mailbox: broker.watcher.mailbox)
            _ = try broker.watcher.deliveries(500)
            _ = try broker.watcher.consuming()
            // RabbitMQ itself forgets a durable queue that is killed with it within a second of its declaration.
            try broker.control("eval 'mnesia:dump_log().'")
            if kills { try broker.kill() } else { try broker.stop() }
            _ = try broker.watcher.consumerLost()
            _ = try broker.watcher.publisherLost()
            try broker.start()
            _ = try broker.watcher.consuming()
            try broker.watcher.publisherReady()
            let again = try broker.watcher.deliveries(500)
            try require(again.map(\.text) == texts, "all come again, in order")
            consumer.acknowledge(again.map(\.tag))
            publisher.publish(texts: ["after"], to: broker.queue)
            try require(try broker.watcher.outcomes(1)[1] == .confirmed, "publishing goes on")
            try require(try broker.watcher.delivery().text == "after", "consuming goes on")
        }
    }

    @Test("F14: a memory alarm blocks publishing, says so, and ends; consuming goes on meanwhile")
    func memoryAlarm() async throws {
        try await OwnBroker.run { broker in
            let publisher = try broker.bus.openPublisher(mailbox: broker.watcher.mailbox)
            publisher.publish(texts: ["before"], to: broker.queue)
            _ = try broker.watcher.outcomes(1)
            try broker.control("set_vm_memory_high_watermark absolute 1MB")
            publisher.publish(texts: (1...1000).map { "m\($0)" }, to: broker.queue)
            try broker.watcher.next("publishingBlocked") { if case .publishingBlocked = $0 { () } else { nil } }
            let consumer = try broker.bus.openConsumer(
                "c", queue: broker.queue, options: ConsumerOptions(prefetch: 2000), mailbox: broker.watcher.mailbox)
            consumer.acknowledge([try broker.watcher.delivery().tag])
            try broker.control("set_vm_memory_high_watermark 0.6")
            try broker.watcher.next("publishingUnblocked") { if case .publishingUnblocked = $0 { () } else { nil } }
            let outcomes = try broker.watcher.outcomes(1000)
            try require(outcomes.values.allSatisfy { $0 == .confirmed }, "all confirmed after the alarm")
            _ = try broker.watcher.deliveries(1000)
        }
    }

    @Test("F15: a deleted queue is noticed, declared anew and consumed")
    func queueDeleted() async throws {
        try await OwnBroker.run { broker in
            _ = try broker.bus.openConsumer(
                "c", queue: broker.queue, options: ConsumerOptions(isExclusive: true), mailbox: broker.watcher.mailbox)
            _ = try broker.watcher.consuming()
            try broker.control("delete_queue \(broker.queue)")
            try require(try broker.watcher.consumerLost().code == .notFound, "the reason is the queue")
            _ = try broker.watcher.consuming()
            let publisher = try broker.bus.openPublisher(mailbox: broker.watcher.mailbox)
            publisher.publish(texts: ["a"], to: broker.queue, mandatory: true)
            try require(try broker.watcher.outcomes(1)[1] == .confirmed, "the queue is back")
            try require(try broker.watcher.delivery().text == "a", "and consumed")
        }
    }
}
