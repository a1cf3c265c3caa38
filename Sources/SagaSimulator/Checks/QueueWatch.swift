import SagaBus

/// Watches the embedded broker itself, from outside: F13, what it has confirmed it delivers until it is settled; and
/// rule 26, it says of a message that it comes again if it does, and only then.
///
/// It counts by what tells a message from others; of two that are alike it does not matter which is which.
final class QueueWatch {
    /// A message in a queue.
    struct Letter: Hashable, CustomStringConvertible {
        let queue: String
        private let type: String?
        private let id: String?
        private let attempt: HeaderValue?

        var description: String { "\(type ?? "-") \(id ?? "-") in \(queue)" }

        init(_ message: Message, in queue: String) {
            self.queue = queue
            type = message.properties.type
            id = message.properties.messageID ?? message.properties.correlationID
            attempt = message.properties.header("skald-attempt")
        }
    }
    private struct Count {
        /// Never delivered.
        var new = 0
        /// Delivered, and given back since.
        var returned = 0
    }

    private var topology = Topology()
    private var waiting: [Letter: Count] = [:]
    private(set) var breaches: [String] = []

    // MARK: Seen

    func declared(_ more: Topology) { topology = topology + more }

    func deleted(queue: String) {
        topology.bindings.removeAll { $0.queue == queue }
        waiting = waiting.filter { $0.key.queue != queue }
    }

    /// The broker has taken a message.
    func confirmed(_ message: Message) {
        for queue in queues(of: message) { waiting[Letter(message, in: queue), default: Count()].new += 1 }
    }

    private func queues(of message: Message) -> [String] {
        guard !message.exchange.isEmpty else { return [message.routingKey] }
        let kind = topology.exchanges.first { $0.name == message.exchange }?.kind
        return topology.bindings.filter {
            // Those who listen to events here listen to all of them.
            $0.exchange == message.exchange && (kind != .direct || $0.routingKey == message.routingKey)
        }.map(\.queue)
    }

    func delivered(_ letter: Letter, isRedelivered: Bool) {
        var count = waiting[letter] ?? Count()
        if isRedelivered { count.returned -= 1 } else { count.new -= 1 }
        if count.new < 0 || count.returned < 0 {
            let isKnown = count.new + count.returned >= 0
            breaches.append(
                isKnown
                    ? "rule 26: \(letter) is delivered \(isRedelivered ? "again" : "for the first time"), as it is not"
                    : "F13: \(letter) is delivered, and is not in its queue")
        }
        waiting[letter] = count.new == 0 && count.returned == 0 ? nil : count
    }

    func givenBack(_ letter: Letter) { waiting[letter, default: Count()].returned += 1 }

    // MARK: At rest

    /// - Parameter depth: how many messages a queue has; more than none if nobody has come for them yet.
    func violationsAtRest(depth: (String) throws -> Int?) throws -> [String] {
        var violations = breaches
        for (queue, letters) in Dictionary(grouping: waiting, by: \.key.queue).sorted(by: { $0.key < $1.key }) {
            let count = letters.reduce(0) { $0 + $1.value.new + $1.value.returned }
            guard try depth(queue) != count else { continue }
            let names = letters.map { "\($0.key)" }.sorted().joined(separator: ", ")
            violations.append("F13: not all of these are in their queue, and all were confirmed: \(names)")
        }
        return violations
    }
}
