import SagaBus
import SagaCore
import SagaStore

/// What came of an operator's request that was applied where no worker runs.
package struct AppliedRequest {
    package let answer: Answer
    /// Whether it has put messages into the outbox, for a worker to send.
    package let leavesMessages: Bool
}

extension EngineCore {
    /// Applies an operator's request in a process that has no loop, and gives its answer instead of sending it.
    ///
    /// - Returns: nil if it cannot be understood: it is a dead letter.
    package func apply(
        _ request: OperatorMessage, at now: Timestamp, using random: inout SplitMix64
    ) throws -> AppliedRequest? {
        var request = request
        request.replyTo = Self.here
        var batch = EngineBatch()
        batch.deliveries = [
            Delivery(
                consumer: .operatorRequests, tag: DeliveryTag(epoch: 0, number: 1), isRedelivered: false,
                message: request.message(shard: settings.shard, expirationMilliseconds: 0))
        ]
        let result = try process(batch, at: now, using: &random)
        guard let row = result.outgoing.first(where: { $0.routingKey == Self.here }) else { return nil }
        batch = EngineBatch()
        batch.confirmed = [row.id]
        _ = try process(batch, at: now, using: &random)
        return AppliedRequest(
            answer: try Answer.decode(row.message), leavesMessages: result.outgoing.count + result.heldBack > 1)
    }

    /// Where such an answer goes: no queue has this name, for it never leaves the outbox but here.
    private static let here = "skald.answers.here"
}
