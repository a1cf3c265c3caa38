import Logging
import SagaBus
import SagaCore

/// The thread behind a ``ParticipantService``: moves messages and calls between the bus and the core.
final class ParticipantLoop {
    private let core: ParticipantCore
    private let bus: any MessageBus
    private let settings: ParticipantSettings
    private let signals: ParticipantSignals
    private let now: @Sendable () -> Timestamp
    private let logger: Logger
    private let clock = ContinuousClock()

    private var calls: CallQueue
    /// Calls that have come back and are not written down yet.
    private var returned: [AnsweredCall] = []
    /// Deliveries whose answer is published and not confirmed, by publish token.
    private var unconfirmed: [UInt64: DeliveryTag?] = [:]
    /// Deliveries that are ours to settle: not given back, and of the present connection.
    private var held: Set<DeliveryTag> = []
    private var lastToken: UInt64 = 0
    private var isConsuming = true
    private var canPublish = true
    /// Since the database could not be written.
    private var pausedUntil: ContinuousClock.Instant?
    private var nextPause: Duration
    private var maintenanceDue: ContinuousClock.Instant

    init(
        core: ParticipantCore, bus: any MessageBus, settings: ParticipantSettings, signals: ParticipantSignals,
        now: @escaping @Sendable () -> Timestamp, logger: Logger
    ) {
        self.core = core
        self.bus = bus
        self.settings = settings
        self.signals = signals
        self.now = now
        self.logger = logger
        calls = CallQueue(width: settings.concurrentCalls, signals: signals)
        nextPause = settings.backoff.lowerBound
        maintenanceDue = clock.now
    }

    func run() throws {
        guard let (publisher, consumer) = try open() else { return }
        defer {
            consumer.close()
            publisher.close()
        }
        logger.info("consuming commands", metadata: ["types": "\(core.participant.commandTypes)"])
        resumeUnsettledCalls()
        while !signals.isStopping {
            try turn(publisher, consumer, waitingAtMost: patience)
        }
        try finish(publisher, consumer)
        logger.info("stopped")
    }

    /// Connects, waiting for a broker that cannot be reached; nil when told to stop meanwhile.
    private func open() throws -> (any BusPublisher, any BusConsumer)? {
        while !signals.isStopping {
            do {
                try bus.declare(.participant(core.participant.name))
                let publisher = try bus.openPublisher(mailbox: signals.mailbox)
                do {
                    let consumer = try bus.openConsumer(
                        ConsumerID(core.participant.name),
                        queue: SkaldNames.commandQueue(participant: core.participant.name),
                        // Its barrier is in one file: a second one on the queue would do everything twice.
                        options: ConsumerOptions(prefetch: settings.prefetch, isExclusive: true),
                        mailbox: signals.mailbox)
                    nextPause = settings.backoff.lowerBound
                    return (publisher, consumer)
                } catch {
                    publisher.close()
                    throw error
                }
            } catch let error as BusError where error.isTemporary {
                logger.warning("the broker cannot be reached", metadata: ["error": "\(error)"])
                _ = signals.mailbox.receive(waitingAtMost: takePause())
            }
        }
        return nil
    }

    private func turn(
        _ publisher: any BusPublisher, _ consumer: any BusConsumer, waitingAtMost timeout: Duration?
    ) throws {
        let events = signals.mailbox.receive(waitingAtMost: timeout, limit: settings.prefetch * 2)
        var batch: [Delivery] = []
        for event in events {
            if case .delivery(let delivery) = event {
                batch.append(delivery)
            } else {
                try handle(event, consumer, &batch)
            }
        }
        takeReturnedCalls()
        if isConsuming {
            for delivery in batch { held.insert(delivery.tag) }
        } else {
            // Given back to the queue when consuming stopped.
            batch = []
            guard resumeIfPossible(consumer) else { return }
        }
        do {
            try work(batch, publisher)
            nextPause = settings.backoff.lowerBound
        } catch {
            pause(consumer, because: error)
        }
    }

    /// Executes what has arrived and publishes the answers. Throws with nothing of it done.
    private func work(_ batch: [Delivery], _ publisher: any BusPublisher) throws {
        if clock.now >= maintenanceDue {
            try core.maintain(now: now())
            maintenanceDue = clock.now + settings.maintenanceInterval
        }
        if !returned.isEmpty {
            let outcome = try core.finish(returned, now: now())
            returned = []
            take(outcome, publisher)
        }
        if !batch.isEmpty { take(try core.process(batch, now: now()), publisher) }
    }

    private func take(_ outcome: BatchOutcome, _ publisher: any BusPublisher) {
        for fault in outcome.faults {
            logger.error(
                "a handler failed; its command is answered retry",
                metadata: [
                    "command": "\(fault.command)", "type": "\(fault.type.escapedForTerminal)",
                    "error": "\(fault.description.escapedForTerminal)",
                ])
        }
        calls.add(outcome.calls)
        guard !outcome.replies.isEmpty else { return }
        publisher.publish(
            outcome.replies.map { reply in
                lastToken += 1
                unconfirmed[lastToken] = reply.delivery
                return (token: lastToken, message: reply.message)
            })
    }

    private func handle(_ event: BusEvent, _ consumer: any BusConsumer, _ batch: inout [Delivery]) throws {
        switch event {
        case .delivery(let delivery):
            batch.append(delivery)
        case .published(let results):
            settle(results, consumer)
        case .consumerLost(_, let error):
            logger.warning("lost the command queue", metadata: ["error": "\(error)"])
            held = []
            batch = []
        case .consuming(_, let backlog):
            logger.debug("consuming", metadata: ["backlog": "\(backlog)"])
        case .publisherLost(let error):
            logger.warning("lost the connection for replies", metadata: ["error": "\(error)"])
            canPublish = false
            stopConsuming(consumer)
            batch = []
        case .publisherReady:
            canPublish = true
        case .publishingBlocked(let reason):
            logger.warning("the broker takes no replies for now", metadata: ["reason": "\(reason)"])
        case .publishingUnblocked:
            logger.info("the broker takes replies again")
        case .failed(let error):
            throw error
        }
    }

    private func settle(_ results: [PublishResult], _ consumer: any BusConsumer) {
        var done: [DeliveryTag] = []
        var again: [DeliveryTag] = []
        for result in results {
            guard let tag = unconfirmed.removeValue(forKey: result.token) else { continue }
            if case .returned(let reason) = result.outcome {
                logger.warning("nobody takes a reply", metadata: ["reason": "\(reason)"])
            }
            guard let tag, held.remove(tag) != nil else { continue }
            switch result.outcome {
            case .confirmed, .returned: done.append(tag)
            case .rejected, .unknown: again.append(tag)
            }
        }
        if !done.isEmpty { consumer.acknowledge(done) }
        if !again.isEmpty { consumer.requeue(again) }
    }

    // MARK: - Trouble and the end

    /// Gives everything back to the queue and waits: the commands come again and find the barrier as it was.
    private func pause(_ consumer: any BusConsumer, because error: any Error) {
        stopConsuming(consumer)
        let pause = takePause()
        pausedUntil = clock.now + pause
        logger.error(
            "the database cannot be written; commands wait in their queue",
            metadata: ["error": "\(error)", "again in": "\(pause)"])
    }

    private func stopConsuming(_ consumer: any BusConsumer) {
        consumer.pause()
        isConsuming = false
        held = []
    }

    private func resumeIfPossible(_ consumer: any BusConsumer) -> Bool {
        if let until = pausedUntil, clock.now < until { return false }
        pausedUntil = nil
        guard canPublish else { return false }
        consumer.resume()
        isConsuming = true
        return true
    }

    private func takePause() -> Duration {
        defer { nextPause = min(nextPause * 2, settings.backoff.upperBound) }
        return nextPause
    }

    private var patience: Duration {
        clock.now.duration(to: pausedUntil ?? maintenanceDue)
    }

    private func resumeUnsettledCalls() {
        do {
            calls.add(try core.unsettledCalls())
        } catch {
            logger.error("cannot read the calls that are not settled", metadata: ["error": "\(error)"])
        }
    }

    /// Finishes what is under way; what is delivered meanwhile goes back to its queue when the consumer closes, and
    /// calls not made yet are made by the next run.
    private func finish(_ publisher: any BusPublisher, _ consumer: any BusConsumer) throws {
        let end = clock.now + settings.shutdownPatience
        calls.dropWaiting()
        while calls.areUnderWay || !returned.isEmpty || !unconfirmed.isEmpty {
            let left = clock.now.duration(to: end)
            guard left > .zero else {
                logger.warning("stopping with replies unconfirmed; their commands will come again")
                return
            }
            var ignored: [Delivery] = []
            for event in signals.mailbox.receive(waitingAtMost: left) { try handle(event, consumer, &ignored) }
            takeReturnedCalls()
            do {
                try work([], publisher)
            } catch {
                logger.error(
                    "the database cannot be written; the commands under way will come again",
                    metadata: ["error": "\(error)"])
                return
            }
        }
    }

    private func takeReturnedCalls() {
        let back = signals.takeCalls()
        calls.returned(back.count)
        returned += back
    }
}
