/// Exchanges, queues and bindings that must exist. All durable.
public struct Topology: Sendable, Hashable {
    public enum ExchangeKind: String, Sendable, Hashable {
        case direct, topic, fanout
    }
    public struct Exchange: Sendable, Hashable {
        public let name: String
        public let kind: ExchangeKind
        public init(_ name: String, _ kind: ExchangeKind) {
            self.name = name
            self.kind = kind
        }
    }
    /// What kind of queue RabbitMQ keeps.
    public enum QueueKind: String, Sendable, Hashable, CaseIterable {
        case classic, quorum
    }
    public struct Queue: Sendable, Hashable {
        public let name: String
        /// Dies with the connection that declared it and is not durable: for answers to one caller.
        public let isTemporary: Bool
        public init(_ name: String, isTemporary: Bool = false) {
            self.name = name
            self.isTemporary = isTemporary
        }
    }
    public struct Binding: Sendable, Hashable {
        public let exchange: String
        public let routingKey: String
        public let queue: String
        public init(exchange: String, routingKey: String, queue: String) {
            self.exchange = exchange
            self.routingKey = routingKey
            self.queue = queue
        }
    }

    public var exchanges: [Exchange]
    public var queues: [Queue]
    public var bindings: [Binding]

    public init(exchanges: [Exchange] = [], queues: [Queue] = [], bindings: [Binding] = []) {
        self.exchanges = exchanges
        self.queues = queues
        self.bindings = bindings
    }

    public static func + (a: Topology, b: Topology) -> Topology {
        Topology(
            exchanges: a.exchanges + b.exchanges.filter { !a.exchanges.contains($0) },
            queues: a.queues + b.queues.filter { !a.queues.contains($0) },
            bindings: a.bindings + b.bindings.filter { !a.bindings.contains($0) })
    }
}

/// Skald's own names on the broker. The page WireProtocol describes them.
public enum SkaldNames {
    public static let starts = "skald.starts"
    public static let commands = "skald.commands"
    public static let replies = "skald.replies"
    public static let events = "skald.events"
    public static let operatorRequests = "skald.operator"
    public static let deadLetters = "skald.dead-letters"

    /// How the names of Skald's own headers begin.
    public static let headerPrefix = "skald-"

    public static func startQueue(shard: Int) -> String { "skald.starts.\(shard)" }
    public static func replyQueue(shard: Int) -> String { "skald.replies.\(shard)" }
    public static func operatorQueue(shard: Int) -> String { "skald.operator.\(shard)" }
    public static func commandQueue(participant: String) -> String { "\(participant).commands" }
}

extension Topology {
    /// What one orchestrator shard consumes and publishes to.
    public static func orchestrator(shard: Int) -> Topology {
        let starts = SkaldNames.startQueue(shard: shard)
        let replies = SkaldNames.replyQueue(shard: shard)
        let requests = SkaldNames.operatorQueue(shard: shard)
        return Topology(
            exchanges: [
                Exchange(SkaldNames.starts, .direct), Exchange(SkaldNames.commands, .direct),
                Exchange(SkaldNames.replies, .direct), Exchange(SkaldNames.events, .topic),
                Exchange(SkaldNames.operatorRequests, .direct), Exchange(SkaldNames.deadLetters, .fanout),
            ],
            queues: [Queue(starts), Queue(replies), Queue(requests), Queue(SkaldNames.deadLetters)],
            bindings: [
                Binding(exchange: SkaldNames.starts, routingKey: "\(shard)", queue: starts),
                Binding(exchange: SkaldNames.replies, routingKey: replies, queue: replies),
                Binding(exchange: SkaldNames.operatorRequests, routingKey: "\(shard)", queue: requests),
                Binding(exchange: SkaldNames.deadLetters, routingKey: "", queue: SkaldNames.deadLetters),
            ])
    }

    /// A participant's command queue and what it publishes to. The orchestrator declares the same, so that commands
    /// wait for a participant that has never run, and dead letters for an orchestrator that has never run.
    public static func participant(_ name: String) -> Topology {
        let queue = SkaldNames.commandQueue(participant: name)
        return Topology(
            exchanges: [
                Exchange(SkaldNames.commands, .direct), Exchange(SkaldNames.replies, .direct),
                Exchange(SkaldNames.deadLetters, .fanout),
            ],
            queues: [Queue(queue), Queue(SkaldNames.deadLetters)],
            bindings: [
                Binding(exchange: SkaldNames.commands, routingKey: name, queue: queue),
                Binding(exchange: SkaldNames.deadLetters, routingKey: "", queue: SkaldNames.deadLetters),
            ])
    }
}
