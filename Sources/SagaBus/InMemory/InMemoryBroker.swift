/// Exchanges, queues and who consumes them: what ``InMemoryBus`` keeps behind its lock.
///
/// It posts to mailboxes while that lock is held, so that deliveries keep their order. A mailbox's own lock is taken
/// last and never held while calling out, so the two cannot block each other.
struct InMemoryBroker {
    private struct Exchange {
        let kind: Topology.ExchangeKind
        /// By routing key, for direct and fanout; each queue once per key.
        var queuesByKey: [String: [String]] = [:]
        var patterns: [(key: String, pattern: TopicPattern, queue: String)] = []
    }

    private var exchanges: [String: Exchange] = [:]
    private var queues: [String: InMemoryQueue] = [:]
    private var consumers: [UInt64: InMemoryConsumer] = [:]
    private var publishers: [UInt64: BusMailbox] = [:]
    private var lastKey: UInt64 = 0
    private var blockedReason: String?
    private var held: [(publisher: UInt64, messages: [(token: UInt64, message: Message)])] = []
    private var isConnected = true
    private(set) var isClosed = false

    // MARK: Topology

    mutating func declare(_ topology: Topology) throws(BusError) {
        try checkOpen()
        for exchange in topology.exchanges {
            if let known = exchanges[exchange.name], known.kind != exchange.kind {
                throw BusError(
                    .mismatch,
                    "Exchange \(exchange.name) exists as \(known.kind.rawValue), not \(exchange.kind.rawValue).")
            }
        }
        for queue in topology.queues {
            if let known = queues[queue.name], known.isTemporary != queue.isTemporary {
                throw BusError(.mismatch, "Queue \(queue.name) exists with other properties.")
            }
        }
        for exchange in topology.exchanges where exchanges[exchange.name] == nil {
            exchanges[exchange.name] = Exchange(kind: exchange.kind)
        }
        for queue in topology.queues where queues[queue.name] == nil {
            queues[queue.name] = InMemoryQueue(queue)
        }
        for binding in topology.bindings {
            try bind(binding)
        }
    }

    private mutating func bind(_ binding: Topology.Binding) throws(BusError) {
        guard queues[binding.queue] != nil else { throw Self.noQueue(binding.queue) }
        guard var exchange = exchanges[binding.exchange] else {
            throw BusError(.notFound, "There is no exchange \(binding.exchange).")
        }
        switch exchange.kind {
        case .direct, .fanout:
            let key = exchange.kind == .fanout ? "" : binding.routingKey
            if !exchange.queuesByKey[key, default: []].contains(binding.queue) {
                exchange.queuesByKey[key, default: []].append(binding.queue)
            }
        case .topic:
            if !exchange.patterns.contains(where: { $0.key == binding.routingKey && $0.queue == binding.queue }) {
                exchange.patterns.append((binding.routingKey, TopicPattern(binding.routingKey), binding.queue))
            }
        }
        exchanges[binding.exchange] = exchange
    }

    /// The queues a message reaches, or nil if there is no such exchange.
    private func route(_ message: Message) -> [String]? {
        guard !message.exchange.isEmpty else {
            return queues[message.routingKey] == nil ? [] : [message.routingKey]
        }
        guard let exchange = exchanges[message.exchange] else { return nil }
        switch exchange.kind {
        case .direct: return exchange.queuesByKey[message.routingKey] ?? []
        case .fanout: return exchange.queuesByKey[""] ?? []
        case .topic:
            var names: [String] = []
            for entry in exchange.patterns where !names.contains(entry.queue) {
                if entry.pattern.matches(message.routingKey) { names.append(entry.queue) }
            }
            return names
        }
    }

    func depth(ofQueue name: String) throws(BusError) -> Int? {
        try checkOpen()
        return queues[name]?.count
    }

    var isIdle: Bool {
        queues.values.allSatisfy { $0.consumers.isEmpty || $0.count == 0 }
            && consumers.values.allSatisfy { !$0.hasUnsettled }
    }

    mutating func remove(queue name: String) {
        queues[name] = nil
        for exchange in exchanges.keys {
            exchanges[exchange]?.patterns.removeAll { $0.queue == name }
            if let bound = exchanges[exchange]?.queuesByKey {
                exchanges[exchange]?.queuesByKey = bound.mapValues { $0.filter { $0 != name } }
            }
        }
    }

    // MARK: Publishing

    mutating func openPublisher(mailbox: BusMailbox) throws(BusError) -> UInt64 {
        try checkOpen()
        lastKey += 1
        publishers[lastKey] = mailbox
        if let blockedReason { mailbox.post(.publishingBlocked(reason: blockedReason)) }
        return lastKey
    }

    mutating func publish(_ messages: [(token: UInt64, message: Message)], from publisher: UInt64) -> Bool {
        guard let mailbox = publishers[publisher] else { return false }
        guard isConnected else { return false }
        if blockedReason != nil {
            held.append((publisher, messages))
            return true
        }
        var results: [PublishResult] = []
        results.reserveCapacity(messages.count)
        var touched: [String] = []
        for (token, message) in messages {
            let names = message.problem == nil ? route(message) : nil
            for name in names ?? [] {
                queues[name]?.append(message)
                if !touched.contains(name) { touched.append(name) }
            }
            results.append(PublishResult(token: token, outcome: Self.outcome(of: message, reaching: names)))
        }
        mailbox.post(.published(results))
        for name in touched { dispatch(name) }
        return true
    }

    /// Without routing or limits: whoever sends with another library has other limits.
    func deliver(_ messages: [(queue: String, message: Message)]) {
        var touched: [String] = []
        for (name, message) in messages {
            queues[name]?.append(message)
            if !touched.contains(name) { touched.append(name) }
        }
        for name in touched { dispatch(name) }
    }

    private static func outcome(of message: Message, reaching names: [String]?) -> PublishOutcome {
        guard let names else { return .rejected }
        guard names.isEmpty && message.isMandatory else { return .confirmed }
        return .returned(
            "No queue takes routing key \(message.routingKey) of exchange "
                + "\(message.exchange.isEmpty ? "(default)" : message.exchange): NO_ROUTE.")
    }

    mutating func closePublisher(_ key: UInt64) {
        guard let mailbox = publishers.removeValue(forKey: key) else { return }
        returnHeld(of: key, to: mailbox)
    }

    private mutating func returnHeld(of key: UInt64, to mailbox: BusMailbox) {
        let unsent = held.filter { $0.publisher == key }.flatMap(\.messages)
        held.removeAll { $0.publisher == key }
        if !unsent.isEmpty {
            mailbox.post(.published(unsent.map { PublishResult(token: $0.token, outcome: .unknown) }))
        }
    }

    // MARK: Consuming

    mutating func openConsumer(
        _ id: ConsumerID, queue name: String, options: ConsumerOptions, mailbox: BusMailbox
    ) throws(BusError) -> UInt64 {
        try checkOpen()
        guard let queue = queues[name] else { throw Self.noQueue(name) }
        guard !queue.consumers.contains(where: { $0.options.isExclusive || options.isExclusive }) else {
            throw BusError(.accessRefused, "Queue \(name) is consumed exclusively by someone else.")
        }
        lastKey += 1
        let consumer = InMemoryConsumer(
            key: lastKey, id: id, options: options, mailbox: mailbox, queueName: name)
        consumers[lastKey] = consumer
        queue.consumers.append(consumer)
        begin(consumer)
        return lastKey
    }

    private func begin(_ consumer: InMemoryConsumer) {
        consumer.mailbox.post(
            .consuming(consumer.id, backlog: queues[consumer.queueName]?.count ?? 0, pauses: consumer.pauses))
        dispatch(consumer.queueName)
    }

    /// Gives the queue's messages to its consumers in turn, as far as they have room.
    private func dispatch(_ name: String) {
        guard isConnected, let queue = queues[name], queue.count > 0 else { return }
        var events: [UInt64: [BusEvent]] = [:]
        while queue.count > 0, let turn = queue.consumers.firstIndex(where: \.hasRoom) {
            guard let entry = queue.takeFirst() else { break }
            let consumer = queue.consumers[turn]
            if queue.consumers.count > 1 { queue.consumers.append(queue.consumers.remove(at: turn)) }
            events[consumer.key, default: []].append(consumer.deliver(entry))
        }
        for consumer in queue.consumers {
            if let new = events[consumer.key] { consumer.mailbox.post(new) }
        }
    }

    func acknowledge(_ tags: [DeliveryTag], of key: UInt64) {
        guard let consumer = consumers[key] else { return }
        if !consumer.settle(tags).isEmpty { dispatch(consumer.queueName) }
    }

    func requeue(_ tags: [DeliveryTag], of key: UInt64) {
        guard let consumer = consumers[key] else { return }
        queues[consumer.queueName]?.giveBack(consumer.settle(tags))
        dispatch(consumer.queueName)
    }

    func pause(_ key: UInt64) {
        guard let consumer = consumers[key], !consumer.isPaused else { return }
        consumer.isPaused = true
        consumer.pauses += 1
        queues[consumer.queueName]?.giveBack(consumer.settleAll())
        dispatch(consumer.queueName)
    }

    func resume(_ key: UInt64) {
        guard let consumer = consumers[key], consumer.isPaused else { return }
        consumer.isPaused = false
        if isConnected { begin(consumer) }
    }

    mutating func closeConsumer(_ key: UInt64) {
        guard let consumer = consumers.removeValue(forKey: key), let queue = queues[consumer.queueName] else { return }
        queue.consumers.removeAll { $0.key == key }
        queue.giveBack(consumer.settleAll())
        if queue.isTemporary && queue.consumers.isEmpty {
            remove(queue: queue.name)
        } else {
            dispatch(queue.name)
        }
    }

    // MARK: Faults

    /// Holds what is published until called with nil, as a broker under a memory alarm does (F14).
    mutating func block(reason: String?) {
        guard blockedReason != reason else { return }
        let wasBlocked = blockedReason != nil
        blockedReason = reason
        if let reason {
            for mailbox in publishers.values where !wasBlocked { mailbox.post(.publishingBlocked(reason: reason)) }
        } else {
            for mailbox in publishers.values { mailbox.post(.publishingUnblocked) }
            let waiting = held
            held = []
            for entry in waiting { _ = publish(entry.messages, from: entry.publisher) }
        }
    }

    /// Cuts everyone off, keeping what the queues hold (F13).
    mutating func disconnect(_ error: BusError) {
        guard isConnected else { return }
        isConnected = false
        for consumer in consumers.values {
            queues[consumer.queueName]?.giveBack(consumer.settleAll())
            consumer.epoch += 1
            consumer.mailbox.post(.consumerLost(consumer.id, error))
        }
        for (key, mailbox) in publishers {
            if blockedReason != nil { mailbox.post(.publishingUnblocked) }
            mailbox.post(.publisherLost(error))
            returnHeld(of: key, to: mailbox)
        }
    }

    mutating func reconnect() {
        guard !isConnected else { return }
        isConnected = true
        for mailbox in publishers.values {
            mailbox.post(.publisherReady)
            if let blockedReason { mailbox.post(.publishingBlocked(reason: blockedReason)) }
        }
        for key in consumers.keys.sorted() {
            if let consumer = consumers[key], !consumer.isPaused { begin(consumer) }
        }
    }

    // MARK: The end

    mutating func close() {
        guard !isClosed else { return }
        for consumer in consumers.values { consumer.isPaused = true }
        for key in consumers.keys { closeConsumer(key) }
        for key in publishers.keys { closePublisher(key) }
        isClosed = true
    }

    private func checkOpen() throws(BusError) {
        if isClosed { throw BusError(.closed, "The bus is closed.") }
        if !isConnected { throw BusError(.connection, "The broker is away.") }
    }

    private static func noQueue(_ name: String) -> BusError {
        BusError(.notFound, "There is no queue \(name).")
    }
}
