import CRabbitMQ
import SagaBus

extension Connection {
    // MARK: Topology

    /// Makes everything durable exist. Temporary queues are made by whoever consumes them.
    func declare(_ topology: Topology) throws(ConnectionFailure) {
        for exchange in topology.exchanges {
            arena.reset()
            _ = amqp_exchange_declare(
                state, Self.channel, arena.bytes(exchange.name), arena.bytes(exchange.kind.rawValue), 0, 1, 0, 0,
                amqp_table_t())
            try checkReply("Declaring the exchange \(exchange.name)")
        }
        let temporary = Set(topology.queues.lazy.filter(\.isTemporary).map(\.name))
        for queue in topology.queues where !queue.isTemporary {
            try declare(queue)
        }
        for binding in topology.bindings where !temporary.contains(binding.queue) {
            try bind(binding)
        }
    }

    /// Makes a temporary queue and its bindings exist for as long as this connection.
    func declareTemporaryQueue(_ name: String, of topology: Topology) throws(ConnectionFailure) {
        try declare(Topology.Queue(name, isTemporary: true))
        for binding in topology.bindings where binding.queue == name {
            try bind(binding)
        }
    }

    private func declare(_ queue: Topology.Queue) throws(ConnectionFailure) {
        arena.reset()
        var arguments = amqp_table_t()
        if !queue.isTemporary && options.queueKind == .quorum {
            arguments = MessageEncoding.table([("x-queue-type", .string("quorum"))], in: arena)
        }
        _ = amqp_queue_declare(
            state, Self.channel, arena.bytes(queue.name), 0, queue.isTemporary ? 0 : 1, queue.isTemporary ? 1 : 0, 0,
            arguments)
        try checkReply("Declaring the queue \(queue.name)")
    }

    private func bind(_ binding: Topology.Binding) throws(ConnectionFailure) {
        arena.reset()
        _ = amqp_queue_bind(
            state, Self.channel, arena.bytes(binding.queue), arena.bytes(binding.exchange),
            arena.bytes(binding.routingKey), amqp_table_t())
        try checkReply("Binding the queue \(binding.queue) to \(binding.exchange)")
    }

    /// How many messages are ready in the queue and who consumes it. Fails, and closes the channel, if there is none.
    func status(ofQueue name: String) throws(ConnectionFailure) -> (messages: Int, consumers: Int) {
        arena.reset()
        let answer = amqp_queue_declare(state, Self.channel, arena.bytes(name), 1, 0, 0, 0, amqp_table_t())
        let status = answer.map { (Int($0.pointee.message_count), Int($0.pointee.consumer_count)) }
        try checkReply("Looking at the queue \(name)")
        return status ?? (0, 0)
    }

    // MARK: Publishing

    func enableConfirms() throws(ConnectionFailure) {
        _ = amqp_confirm_select(state, Self.channel)
        try checkReply("Asking for publisher confirms")
    }

    /// Sends a message that has no ``Message/problem``.
    func publish(_ message: Message) throws(ConnectionFailure) {
        arena.reset()
        var properties = MessageEncoding.properties(
            of: message, defaultUserID: options.setsUserID ? address.user : nil, in: arena)
        let (exchange, key) = (arena.bytes(message.exchange), arena.bytes(message.routingKey))
        let status = message.body.withUnsafeBytes { body in
            amqp_basic_publish(
                state, Self.channel, exchange, key, message.isMandatory ? 1 : 0, 0, &properties,
                amqp_bytes_t(len: body.count, bytes: UnsafeMutableRawPointer(mutating: body.baseAddress)))
        }
        try checkStatus(status, "Publishing to the broker failed")
    }

    // MARK: Consuming

    /// Starts deliveries and returns how many messages were ready before the first.
    func consume(_ id: ConsumerID, queue: String, options: ConsumerOptions) throws(ConnectionFailure) -> Int {
        let what = "Consuming the queue \(queue)"
        _ = amqp_basic_qos(state, Self.channel, 0, UInt16(clamping: max(1, options.prefetch)), 0)
        try checkReply(what)
        let before = try status(ofQueue: queue)
        try checkExclusive(before.consumers, mostAllowed: 0)
        arena.reset()
        _ = amqp_basic_consume(
            state, Self.channel, arena.bytes(queue), arena.bytes(id.name), 0, 0, options.isExclusive ? 1 : 0,
            amqp_table_t())
        try checkReply(what)
        if options.isExclusive { try checkExclusive(status(ofQueue: queue).consumers, mostAllowed: 1) }
        return before.messages

        // The broker sees to exclusiveness on classic queues; on quorum queues it ignores the flag.
        func checkExclusive(_ consumers: Int, mostAllowed: Int) throws(ConnectionFailure) {
            guard options.isExclusive && consumers > mostAllowed else { return }
            throw ConnectionFailure(
                .accessRefused, "\(what): the queue is in exclusive use or has another consumer.",
                replyCode: UInt16(AMQP_RESOURCE_LOCKED))
        }
    }

    /// Stops deliveries; those already under way have arrived when this returns.
    func cancel(_ id: ConsumerID) throws(ConnectionFailure) {
        arena.reset()
        _ = amqp_basic_cancel(state, Self.channel, arena.bytes(id.name))
        try checkReply("Pausing the consumer \(id.name)")
    }

    func settle(_ settlement: Settlement) throws(ConnectionFailure) {
        let multiple: amqp_boolean_t = settlement.multiple ? 1 : 0
        let status =
            switch settlement.kind {
            case .acknowledge: amqp_basic_ack(state, Self.channel, settlement.number, multiple)
            case .requeue: amqp_basic_nack(state, Self.channel, settlement.number, multiple, 1)
            }
        try checkStatus(status, "Settling deliveries failed")
    }
}
