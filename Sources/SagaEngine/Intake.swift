import SagaBus
import SagaCore

/// The engine's consumers: which are paused, what may be settled, and whether replies have been drained.
struct Intake {
    private var consumers: [ConsumerID: any BusConsumer] = [:]
    private var paused: Set<ConsumerID> = []
    /// How often each has been paused.
    private var pauses: [ConsumerID: Int] = [:]
    /// Consumers whose deliveries count: those of a connection that is gone, or given back by a pause, do not.
    private var live: Set<ConsumerID> = []
    /// Replies that were waiting when consuming began and have not come yet; nil while not connected.
    private(set) var repliesToDrain: Int?

    mutating func add(_ consumer: any BusConsumer, as id: ConsumerID) { consumers[id] = consumer }

    /// Rule 3: no timer fires before the reply queue has been drained once.
    var repliesAreDrained: Bool {
        PlantedBug.firesBeforeDrained.isPlanted ? repliesToDrain != nil : repliesToDrain == 0
    }

    /// - Parameter count: how often it had been paused by then. With fewer pauses than it has seen meanwhile, what
    ///   follows has been given back.
    mutating func isConsuming(_ id: ConsumerID, backlog: Int, pauses count: Int) {
        guard !paused.contains(id), count == pauses[id, default: 0] else { return }
        live.insert(id)
        if id == .replies { repliesToDrain = backlog }
    }

    mutating func isLost(_ id: ConsumerID) {
        live.remove(id)
        if id == .replies { repliesToDrain = nil }
    }

    /// Nothing has come for so long that nothing can be waiting: the broker's count was stale.
    mutating func deemDrained() {
        if repliesToDrain != nil { repliesToDrain = 0 }
    }

    /// Whether this delivery is ours to handle.
    mutating func accepts(_ delivery: Delivery) -> Bool {
        guard live.contains(delivery.consumer) else { return false }
        if delivery.consumer == .replies, let waiting = repliesToDrain, waiting > 0 { repliesToDrain = waiting - 1 }
        return true
    }

    func acknowledge(_ deliveries: [Delivery]) {
        for (id, group) in Dictionary(grouping: deliveries, by: \.consumer) where live.contains(id) {
            consumers[id]?.acknowledge(group.map(\.tag))
        }
    }

    func isPaused(_ id: ConsumerID) -> Bool { paused.contains(id) }

    /// Everything it holds goes back to its queue.
    mutating func pause(_ ids: [ConsumerID]) {
        for id in ids where paused.insert(id).inserted {
            isLost(id)
            pauses[id, default: 0] += 1
            consumers[id]?.pause()
        }
    }

    mutating func resume(_ ids: [ConsumerID]) {
        for id in ids where paused.remove(id) != nil { consumers[id]?.resume() }
    }

    func close() {
        for consumer in consumers.values { consumer.close() }
    }
}
