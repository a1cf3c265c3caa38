import SagaBus
import SagaCore

/// Which worker has the shard that another was refused.
enum ShardOwner {
    private static let patience = Duration.seconds(5)

    /// What a worker says that was refused, with the owner's own words; nil where nobody answers.
    static func refusal(over bus: any MessageBus) async throws -> CommandFailure? {
        let owner = try? await runOnDedicatedThread { try ask(bus) }
        return owner.flatMap { $0 }.map { owner in
            CommandFailure(
                .refused,
                """
                shard 0 of this broker has a worker already (\(owner.escapedForTerminal)); stop that one first, or name \
                another virtual host with --broker
                """)
        }
    }

    private static func ask(_ bus: any MessageBus) throws -> String? {
        let client = try SkaldClient(bus: bus)
        let question = OperatorMessage(
            requestID: OperatorSession.newRequestID, verb: OperatorMessage.ownerType, replyTo: client.answerQueue,
            body: [:])
        var owner: String?
        let milliseconds = Int64(patience / .milliseconds(1))
        try client.request([question.message(shard: 0, expirationMilliseconds: milliseconds)], patience: patience) {
            if case .answered(let answer) = $1 { owner = answer.body["owner"]?.string }
        }
        return owner
    }
}
