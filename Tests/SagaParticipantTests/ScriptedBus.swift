import SagaBus
import Synchronization

/// A bus on which nothing happens by itself: the test says what the broker does, and sees what is asked of it.
final class ScriptedBus: MessageBus {
    struct Seen {
        var published: [(token: UInt64, message: Message)] = []
        var acknowledged: [DeliveryTag] = []
        var requeued: [DeliveryTag] = []
        /// `open`, `pause`, `resume`.
        var calls: [String] = []
        /// What the next tries to declare anything end with.
        var errors: [BusError] = []
    }

    private let state = Mutex(Seen())

    init(errors: [BusError] = []) {
        state.withLock { $0.errors = errors }
    }

    var seen: Seen { state.withLock { $0 } }

    private func note(_ change: (inout Seen) -> Void) { state.withLock { change(&$0) } }

    func declare(_ topology: Topology) throws(BusError) {
        let error = state.withLock { $0.errors.isEmpty ? nil : $0.errors.removeFirst() }
        if let error { throw error }
    }

    func openPublisher(mailbox: BusMailbox) throws(BusError) -> any BusPublisher { Publisher(bus: self) }

    func openConsumer(
        _ id: ConsumerID, queue: String, options: ConsumerOptions, mailbox: BusMailbox
    ) throws(BusError) -> any BusConsumer {
        note { $0.calls.append("open") }
        return Consumer(bus: self)
    }

    func depth(ofQueue queue: String) throws(BusError) -> Int? { nil }
    func close() {}

    private struct Publisher: BusPublisher {
        let bus: ScriptedBus
        func publish(_ messages: [(token: UInt64, message: Message)]) { bus.note { $0.published += messages } }
        func close() {}
    }

    private struct Consumer: BusConsumer {
        let bus: ScriptedBus
        func acknowledge(_ tags: [DeliveryTag]) { bus.note { $0.acknowledged += tags } }
        func requeue(_ tags: [DeliveryTag]) { bus.note { $0.requeued += tags } }
        func pause() { bus.note { $0.calls.append("pause") } }
        func resume() { bus.note { $0.calls.append("resume") } }
        func close() {}
    }
}
