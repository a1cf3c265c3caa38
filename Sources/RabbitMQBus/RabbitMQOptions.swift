import SagaBus

/// How ``RabbitMQBus`` talks to its broker.
public struct RabbitMQOptions: Sendable {
    /// Shown in the broker's list of connections.
    public var connectionName = "skald"
    /// A connection that is silent for twice as long counts as lost. Whole seconds, at least one.
    public var heartbeat: Duration = .seconds(10)
    /// The longest wait for an answer of the broker, connecting included.
    public var timeout: Duration = .seconds(10)
    /// How long opening an exclusive consumer waits for a predecessor that the broker still believes alive.
    public var exclusivePatience: Duration = .seconds(3)
    /// The most messages published and not yet confirmed; further ones wait in memory.
    public var confirmWindow = 256
    /// The kind of the durable queues that ``RabbitMQBus/declare(_:)`` makes.
    public var queueKind = Topology.QueueKind.classic
    /// Sets every message's `user_id` to the connection's user, which the broker then checks.
    public var setsUserID = false
    /// The certificates that an `amqps` broker's certificate must lead to.
    public var certificateAuthorityFile = "/etc/ssl/certs/ca-certificates.crt"

    public init() {}
}
