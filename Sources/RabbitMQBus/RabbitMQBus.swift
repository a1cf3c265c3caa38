import Logging
import SagaBus

/// The bus over a RabbitMQ broker.
///
/// Each publisher and consumer has a connection and a thread of its own, since librabbitmq is not thread-safe. The
/// opening calls wait for the broker in the caller's thread: make them from a dedicated one.
public final class RabbitMQBus: MessageBus {
    private let core: BusCore

    /// - Parameter url: `amqp://user:password@host:port/vhost` or `amqps://…`, with `?heartbeat=<seconds>` or
    ///   `?cacertfile=<path>` if need be. Connects to nothing yet.
    public init(
        url: String, options: RabbitMQOptions = RabbitMQOptions(), logger: Logger = Logger(label: "skald.rabbitmq")
    ) throws(BusError) {
        core = BusCore(address: try BrokerAddress(url), options: options, logger: logger)
    }

    /// The broker and its virtual host, without user and password.
    public var brokerName: String { core.address.description }

    public func declare(_ topology: Topology) throws(BusError) {
        try onControlConnection { connection throws(ConnectionFailure) in try connection.declare(topology) }
        core.add(topology)
    }

    public func openPublisher(mailbox: BusMailbox) throws(BusError) -> any BusPublisher {
        try core.checkOpen()
        var role = PublisherRole(core: core, mailbox: mailbox)
        let connection = try opened(&role)
        let inbox = Inbox<PublisherRole.Command>()
        try core.start(role, on: connection, inbox: inbox, closing: .close)
        return Publisher(inbox: inbox, mailbox: mailbox)
    }

    public func openConsumer(
        _ id: ConsumerID, queue: String, options: ConsumerOptions, mailbox: BusMailbox
    ) throws(BusError) -> any BusConsumer {
        try core.checkOpen()
        var role = ConsumerRole(core: core, id: id, queue: queue, options: options, mailbox: mailbox)
        let connection = try opened(&role)
        let inbox = Inbox<ConsumerRole.Command>()
        try core.start(role, on: connection, inbox: inbox, closing: .close)
        return Consumer(inbox: inbox)
    }

    public func depth(ofQueue queue: String) throws(BusError) -> Int? {
        do {
            return try onControlConnection { connection throws(ConnectionFailure) in
                try connection.status(ofQueue: queue).messages
            }
        } catch  where error.code == .notFound {
            return nil
        }
    }

    public func close() { core.close() }

    /// A connection on which the role has begun. Asks again for a queue that a predecessor may still hold.
    private func opened<Role: LinkRole>(_ role: inout Role) throws(BusError) -> Connection {
        let deadline = ContinuousClock.now + core.options.exclusivePatience
        var backoff = Backoff()
        while true {
            do throws(ConnectionFailure) {
                let connection = try Connection.open(to: core.address, options: core.options, purpose: role.name)
                try role.begin(on: connection, isFirst: true)
                return connection
            } catch {
                guard error.isQueueTaken, ContinuousClock.now < deadline else { throw error.error }
                EventFlag().wait(atMost: backoff.delay())
            }
        }
    }

    private func onControlConnection<Value>(
        _ body: (Connection) throws(ConnectionFailure) -> Value
    ) throws(BusError) -> Value {
        try core.checkOpen()
        do throws(ConnectionFailure) {
            let connection = try Connection.open(to: core.address, options: core.options, purpose: "control")
            let value = try body(connection)
            connection.close()
            return value
        } catch {
            throw error.error
        }
    }
}

extension RabbitMQBus {
    private struct Publisher: BusPublisher {
        let inbox: Inbox<PublisherRole.Command>
        let mailbox: BusMailbox

        func publish(_ messages: [(token: UInt64, message: Message)]) {
            if !inbox.send(.publish(messages)) {
                mailbox.post(.published(messages.map { PublishResult(token: $0.token, outcome: .unknown) }))
            }
        }

        func close() { inbox.send(.close) }
    }

    private struct Consumer: BusConsumer {
        let inbox: Inbox<ConsumerRole.Command>

        func acknowledge(_ tags: [DeliveryTag]) { inbox.send(.acknowledge(tags)) }
        func requeue(_ tags: [DeliveryTag]) { inbox.send(.requeue(tags)) }
        func pause() { inbox.send(.pause) }
        func resume() { inbox.send(.resume) }
        func close() { inbox.send(.close) }
    }
}
