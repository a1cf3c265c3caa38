import Logging
import Metrics
import SagaBus
import SagaCore
import SagaStore

/// What the worker tells operators: info for what they want to know, error for what needs a person.
struct EngineLog {
    let logger: Logger
    private let inputs = Counter(label: "skald_inputs_total")
    private let messages = Counter(label: "skald_messages_published_total")
    private let ignored = Counter(label: "skald_inputs_ignored_total")
    private let deadLetters = Counter(label: "skald_dead_letters_total")
    private let pruned = Counter(label: "skald_sagas_pruned_total")

    init(logger: Logger) { self.logger = logger }

    func count(inputs: Int, outgoing: Int) {
        self.inputs.increment(by: inputs)
        messages.increment(by: outgoing)
    }

    func report(_ notices: [EngineNotice]) {
        for notice in notices {
            switch notice {
            case .sagaStuck(let saga, let step, let code):
                logger.error(
                    "a saga is stuck and needs an operator: skald show \(saga)",
                    metadata: ["saga": "\(saga)", "step": "\(step ?? "-")", "code": "\(code.escapedForTerminal)"])
            case .sagaEnded(let saga, let status):
                logger.debug("saga ended", metadata: ["saga": "\(saga)", "status": "\(status.rawValue)"])
            case .contradiction(let saga, let step):
                logger.error(
                    "a participant said failed and later succeeded",
                    metadata: [
                        "saga": "\(saga)", "step": "\(step)", "code": "\(RefusalCode.replyContradicts)",
                    ])
            case .deadLetter(let reason, let detail):
                deadLetters.increment()
                logger.warning(
                    "dead letter: skald dead-letters",
                    metadata: ["code": "\(reason.escapedForTerminal)", "detail": "\(detail.escapedForTerminal)"])
            case .refused(let code, let detail):
                logger.warning("refused", metadata: ["code": "\(code)", "detail": "\(detail.escapedForTerminal)"])
            case .ignored(let why):
                ignored.increment()
                logger.trace("ignored", metadata: ["why": "\(why)"])
            case .participantSilent(let name, let since):
                logger.error(
                    "a participant does not answer; commands to it are held back, and it is asked with one at a time",
                    metadata: ["participant": "\(name)", "since": "\(since)"])
            case .participantProbed(let name, let held, let next):
                logger.info(
                    "asking a participant that does not answer",
                    metadata: ["participant": "\(name)", "held": "\(held)", "next": "\(next)"])
            case .participantAnswers(let name, let held):
                logger.info(
                    "a participant answers again; what was held back is let out gradually",
                    metadata: ["participant": "\(name)", "held": "\(held)"])
            case .participantIsBack(let name):
                logger.info("nothing is held back for a participant any more", metadata: ["participant": "\(name)"])
            case .pruned(let piece): pruned(piece)
            case .inputFailed(let detail):
                logger.error("an input could not be handled", metadata: ["detail": "\(detail.escapedForTerminal)"])
            }
        }
    }

    func pruned(_ piece: PrunedPiece) {
        guard piece.sagas + piece.deadLetters + piece.answers > 0 else { return }
        pruned.increment(by: piece.sagas)
        // Who asks for it piece by piece hears how many went.
        logger.log(
            level: piece.hasMore ? .debug : .info, "removed what was over long ago",
            metadata: ["sagas": "\(piece.sagas)", "dead-letters": "\(piece.deadLetters)"])
    }
    func pruningFailed(_ error: any Error) {
        logger.error(
            "sagas that ended long ago cannot be removed; trying again later",
            metadata: ["error": "\("\(error)".escapedForTerminal)"])
    }
    func started(definitions: [SagaDefinition], unpublished: Int, held: Int) {
        logger.info(
            "worker started",
            metadata: [
                "definitions": "\(names(definitions))", "unpublished": "\(unpublished)", "held": "\(held)",
            ])
    }
    func stopped() { logger.info("worker stopped") }
    func reloaded(_ definitions: [SagaDefinition]) {
        logger.info("definitions loaded", metadata: ["definitions": "\(names(definitions))"])
    }
    func definitionRefused(_ definition: SagaDefinition) {
        logger.error(
            "a definition changed under the same version while sagas are open; give it a new version",
            metadata: ["definition": "\(definition.name)", "version": "\(definition.version)"])
    }
    func clockIsBehind(_ milliseconds: Int64) {
        logger.warning(
            "the wall clock is behind the file; going on from the file's time",
            metadata: ["behind": "\(DurationText.text(milliseconds: milliseconds))"])
    }
    func brokerIsAway(_ error: BusError) {
        logger.warning("the broker cannot be reached; trying again", metadata: ["error": "\(error)"])
    }
    func consuming(_ id: ConsumerID, backlog: Int) {
        logger.info("consuming", metadata: ["queue": "\(id.name)", "backlog": "\(backlog)"])
    }
    func lost(_ id: ConsumerID, _ error: BusError) {
        logger.warning("lost a queue; reconnecting", metadata: ["queue": "\(id.name)", "error": "\(error)"])
    }
    func publisherLost(_ error: BusError) {
        logger.warning("lost the connection for publishing; reconnecting", metadata: ["error": "\(error)"])
    }
    func publisherReady() { logger.info("publishing again") }
    func blocked(_ reason: String) {
        logger.warning(
            "the broker takes no messages for now; they wait in the outbox",
            metadata: ["reason": "\(reason.escapedForTerminal)"])
    }
    func unblocked() { logger.info("the broker takes messages again") }
    func returned(_ row: OutboxMessage, _ reason: String) {
        var metadata = Self.metadata(row)
        metadata["reason"] = "\(reason.escapedForTerminal)"
        guard row.command != nil else {
            return logger.error("no queue takes a message; it becomes a dead letter", metadata: metadata)
        }
        let queue = SkaldNames.commandQueue(participant: row.routingKey)
        metadata["queue"] = "\(queue.escapedForTerminal)"
        logger.error("no queue takes a command; it stays in the outbox", metadata: metadata)
    }
    func publishRefused(_ row: OutboxMessage) {
        logger.error(
            "the broker refuses a message; it stays in the outbox, its wait for a reply has not begun",
            metadata: Self.metadata(row))
    }
    private static func metadata(_ row: OutboxMessage) -> Logger.Metadata {
        [
            "exchange": "\(row.exchange)", "routing-key": "\(row.routingKey.escapedForTerminal)",
            "command": "\(row.command.map { "\($0)" } ?? "-")",
        ]
    }
    func storageTrouble(_ error: any Error, pause: Duration) {
        logger.error(
            "the database cannot be written; inputs wait at the broker",
            metadata: ["error": "\(error)", "again-in": "\(pause)"])
    }
    func storageTroubleAtStop(_ error: any Error) {
        logger.error("stopped while the database cannot be written", metadata: ["error": "\(error)"])
    }
    func unconfirmedAtStop(_ count: Int) {
        logger.warning(
            "stopping with messages unconfirmed; they go out again at the next start",
            metadata: ["messages": "\(count)"])
    }

    private func names(_ definitions: [SagaDefinition]) -> String {
        definitions.map { "\($0.name) v\($0.version)" }.joined(separator: ", ")
    }
}
