import BusConformance
import SagaBus
import Testing

/// The faults that tests and the simulator plant; everything happens in the caller's thread.
@Suite struct InMemoryBusFaultTests {
    private let bus = InMemoryBus()
    private let watcher = Watcher(patience: .zero)

    init() throws { try bus.declare(Topology(queues: [.init("q")])) }

    @Test("F14: while publishing is blocked nothing arrives; afterwards all does, in order")
    func blocked() throws {
        let publisher = try bus.openPublisher(mailbox: watcher.mailbox)
        bus.blockPublishing(reason: "low on memory")
        publisher.publish(texts: ["a", "b"], to: "q")
        #expect(try bus.depth(ofQueue: "q") == 0)
        bus.unblockPublishing()
        #expect(try watcher.outcomes(2).values.allSatisfy { $0 == .confirmed })
        _ = try bus.openConsumer("c", queue: "q", options: ConsumerOptions(), mailbox: watcher.mailbox)
        #expect(try watcher.deliveries(2).map(\.text) == ["a", "b"])
    }

    @Test("F13: the unsettled come again after a disconnect, and old tags are void")
    func disconnected() throws {
        let publisher = try bus.openPublisher(mailbox: watcher.mailbox)
        let consumer = try bus.openConsumer("c", queue: "q", options: ConsumerOptions(), mailbox: watcher.mailbox)
        publisher.publish(texts: ["a"], to: "q")
        _ = try watcher.outcomes(1)
        let first = try watcher.delivery()
        bus.disconnect()
        publisher.publish(texts: ["b"], to: "q")
        #expect(try watcher.outcomes(1)[1] == .unknown)
        #expect(throws: BusError.self) { try bus.depth(ofQueue: "q") }
        bus.reconnect()
        let again = try watcher.delivery()
        #expect(again.text == "a" && again.isRedelivered)
        consumer.acknowledge([first.tag])
        consumer.requeue([again.tag])
        #expect(try watcher.delivery().text == "a")
    }

    @Test("F3: what a blocked publisher held when it was cut off is unknown")
    func disconnectedWhileBlocked() throws {
        let publisher = try bus.openPublisher(mailbox: watcher.mailbox)
        bus.blockPublishing(reason: "low on memory")
        publisher.publish(texts: ["a"], to: "q")
        bus.disconnect()
        #expect(try watcher.outcomes(1)[1] == .unknown)
    }
}
