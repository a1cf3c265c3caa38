import SagaBus
import SagaCore

/// A message to publish, after the commit, and the delivery to acknowledge once it is confirmed.
public struct OutgoingReply: Sendable {
    /// Nil where the reply belongs to no delivery of this connection.
    public let delivery: DeliveryTag?
    public let message: Message
}

/// A handler's error: not its business saying no, but something nobody foresaw. The command is answered `retry`.
public struct HandlerFault: Sendable {
    public let command: CommandID
    public let type: String
    public let description: String
}

/// What came of a batch, all of it committed.
public struct BatchOutcome: Sendable {
    public var replies: [OutgoingReply] = []
    public var calls: [OutsideCall] = []
    public var faults: [HandlerFault] = []
}
