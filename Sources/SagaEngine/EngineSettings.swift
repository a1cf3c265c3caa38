import SagaCore

/// How an orchestrator behaves. The defaults are right for most.
package struct EngineSettings: Sendable {
    package var shard = 0
    /// How many inputs are committed together at most.
    package var batchLimit = 256
    /// Unsettled deliveries of replies, and of starts, held at a time.
    package var prefetch = 512
    /// New starts are admitted while fewer sagas than this have a command out (rule 23).
    package var sagasInFlight = 4096
    /// While more messages than this wait to be confirmed, nothing new is taken in; while more commands than this are
    /// held back, no starts are.
    package var outboxBound = 50_000
    /// Of what an earlier run has left in the outbox, so many messages are read and published at a time.
    package var publishWindow = 4096
    /// How many different commands in a row a participant leaves unanswered before further ones are held back.
    package var unansweredLimit = 5
    /// Sagas kept in memory between inputs.
    package var cachedSagas = 20_000
    /// Sagas that ended longer ago than this are removed, with settled dead letters of that age; nil: never. Before
    /// ``Retention/shortestMilliseconds`` something of them may still be on its way.
    package var pruneAfter: Duration?
    /// So many sagas are removed in one transaction.
    package var pruningLimit = 200
    /// Which broker user each participant publishes as; replies from others are dead letters. Those not named here are
    /// not checked.
    package var participantUsers: [String: String] = [:]
    /// How long a shutdown waits for the broker to confirm what was published.
    package var shutdownGrace: Duration = .seconds(5)

    /// What an input must be beyond what its definition refers to: a refusal, or nil if it is right.
    package var inputCheck: @Sendable (SagaDefinition, JSONValue) -> Refusal? = { _, _ in nil }

    /// Where a harness may make the process die.
    package var crashPoints = CrashPoints.none
    /// Where a harness may report a commit as failed that was done.
    package var afterCommit: @Sendable () throws -> Void = {}

    package init() {}
}
