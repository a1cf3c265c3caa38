import SagaBus
import SagaCore
import Synchronization
import Testing

@testable import SagaEngine
@testable import SagaStore

/// A bus on which nothing happens by itself: the test says what the broker does, and sees what is asked of it.
final class HandBus: MessageBus {
    struct Seen {
        var mailbox: BusMailbox?
        var published: [(token: UInt64, message: Message)] = []
        var acknowledged: [DeliveryTag] = []
        /// `open`, `pause`, `resume` or `close` and whom.
        var calls: [String] = []
        var openErrors: [BusError] = []
    }

    private let seen = Mutex(Seen())
    private let changed = BusMailbox()
    private let onAcknowledge: @Sendable ([DeliveryTag]) -> Void

    init(openErrors: [BusError] = [], onAcknowledge: @escaping @Sendable ([DeliveryTag]) -> Void = { _ in }) {
        self.onAcknowledge = onAcknowledge
        seen.withLock { $0.openErrors = openErrors }
    }

    // MARK: The test's side

    /// Makes the loop look at its clock again.
    func wake() { seen.withLock { $0.mailbox }?.wake() }

    /// What the broker says now.
    func post(_ events: BusEvent...) {
        let mailbox = seen.withLock { $0.mailbox }
        mailbox?.post(events)
    }

    /// That a consumer consumes again, after all its pauses.
    func consuming(_ id: ConsumerID, backlog: Int) -> BusEvent {
        .consuming(id, backlog: backlog, pauses: calls.count { $0 == "pause \(id.name)" })
    }

    func confirm(_ tokens: [UInt64]) {
        post(.published(tokens.map { PublishResult(token: $0, outcome: .confirmed) }))
    }

    var calls: [String] { seen.withLock { $0.calls } }
    var published: [(token: UInt64, message: Message)] { seen.withLock { $0.published } }
    var acknowledged: [DeliveryTag] { seen.withLock { $0.acknowledged } }

    /// Waits until something is so.
    @discardableResult
    func await<Value>(_ look: (Seen) throws -> Value?) throws -> Value {
        while true {
            // The bus holds its lock only while it writes down a call.
            let now = seen.withLock { $0 }
            if let value = try look(now) { return value }
            let before = ContinuousClock.now
            _ = changed.receive(waitingAtMost: .seconds(600))
            guard ContinuousClock.now - before < .seconds(600) else {
                throw Floor.TooLong(description: "it does not happen; so far \(now.calls)")
            }
        }
    }

    /// Waits until the orchestrator has opened everything, then says that it consumes.
    func connect(replies backlog: Int = 0) throws {
        try self.await { $0.calls.contains("open starts") ? true : nil }
        post(consuming(.replies, backlog: backlog), consuming(.operatorRequests, backlog: 0))
        post(consuming(.deadLetters, backlog: 0), consuming(.starts, backlog: 0))
    }

    /// Waits for so many messages to an exchange.
    func messages(_ count: Int, to exchange: String) throws -> [(token: UInt64, message: Message)] {
        try self.await { seen in
            let found = seen.published.filter { $0.message.exchange == exchange }
            return found.count >= count ? found : nil
        }
    }

    private func note(_ change: (inout Seen) -> Void) {
        seen.withLock { change(&$0) }
        changed.wake()
    }

    // MARK: The orchestrator's side

    func declare(_ topology: Topology) throws(BusError) {
        let error = seen.withLock { $0.openErrors.isEmpty ? nil : $0.openErrors.removeFirst() }
        if let error { throw error }
    }

    func openPublisher(mailbox: BusMailbox) throws(BusError) -> any BusPublisher {
        note { $0.mailbox = mailbox }
        return Publisher(bus: self)
    }

    func openConsumer(
        _ id: ConsumerID, queue: String, options: ConsumerOptions, mailbox: BusMailbox
    ) throws(BusError) -> any BusConsumer {
        note { $0.calls.append("open \(id.name)") }
        return Consumer(bus: self, id: id)
    }

    func depth(ofQueue queue: String) throws(BusError) -> Int? { nil }
    func close() {}

    private struct Publisher: BusPublisher {
        let bus: HandBus
        func publish(_ messages: [(token: UInt64, message: Message)]) { bus.note { $0.published += messages } }
        func close() { bus.note { $0.calls.append("close publisher") } }
    }

    private struct Consumer: BusConsumer {
        let bus: HandBus
        let id: ConsumerID
        func acknowledge(_ tags: [DeliveryTag]) {
            bus.onAcknowledge(tags)
            bus.note { $0.acknowledged += tags }
        }
        func requeue(_ tags: [DeliveryTag]) {}
        func pause() { bus.note { $0.calls.append("pause \(id.name)") } }
        func resume() { bus.note { $0.calls.append("resume \(id.name)") } }
        func close() { bus.note { $0.calls.append("close \(id.name)") } }
    }
}
