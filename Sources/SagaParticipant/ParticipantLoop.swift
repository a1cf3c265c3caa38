import Logging
import SagaBus
import SagaCore

/// What a ``ParticipantService`` does on its thread: moves messages and calls between the bus and the core.
///
/// It has no thread or clock of its own: a service runs it on a thread, the simulator step by step.
package final class ParticipantLoop {
    private let core: ParticipantCore
    private let bus: any MessageBus
    private let settings: ParticipantSettings
    private let signals: ParticipantSignals
    private let clock: ParticipantClock
    private let logger: Logger

    /// Nil until the broker has been reached.
    private var link: Link?
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
    /// Since the database could not be written, or the broker not be reached.
    private var pausedUntil: Duration?
    private var nextPause: Duration
    private var maintenanceDue: Duration

    private struct Link {
        let publisher: any BusPublisher
        let consumer: any BusConsumer
    }

    package init(
        core: ParticipantCore, bus: any MessageBus, settings: ParticipantSettings, signals: ParticipantSignals,
        clock: ParticipantClock, perform: @escaping @Sendable (OutsideCall, ParticipantSignals) -> Void, logger: Logger
    ) {
        self.core = core
        self.bus = bus
        self.settings = settings
        self.signals = signals
        self.clock = clock
        self.logger = logger
        calls = CallQueue(width: settings.concurrentCalls) { perform($0, signals) }
        nextPause = settings.backoff.lowerBound
        maintenanceDue = clock.elapsed()
    }

    func run() throws {
        defer {
            link?.consumer.close()
            link?.publisher.close()
        }
        while !signals.isStopping { try step(waitingAtMost: patience) }
        guard let link else { return }
        try finish(link.publisher, link.consumer)
        logger.info("stopped")
    }

    /// Takes what has arrived and does what is due, waiting for something to arrive at most so long.
    package func step(waitingAtMost timeout: Duration = .zero) throws {
        let events = signals.mailbox.receive(waitingAtMost: timeout, limit: settings.prefetch * 2)
        if let link {
            try turn(events, link.publisher, link.consumer)
        } else if pausedUntil.map({ clock.elapsed() >= $0 }) ?? true {
            // What has arrived is from a connection that is closed again.
            try connect()
        }
    }

    /// How long to wait for something to arrive.
    package var patience: Duration {
        if let pausedUntil { return max(.zero, pausedUntil - clock.elapsed()) }
        guard link != nil else { return .zero }
        // Nothing is done before the broker is back, which comes as an event; maintenance waits as well.
        return isConsuming ? max(.zero, maintenanceDue - clock.elapsed()) : settings.backoff.upperBound
    }

    /// Opens everything, unless the broker cannot be reached for now.
    private func connect() throws {
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
                link = Link(publisher: publisher, consumer: consumer)
            } catch {
                publisher.close()
                throw error
            }
        } catch let error as BusError where error.isTemporary {
            logger.warning("the broker cannot be reached", metadata: ["error": "\(error)"])
            pausedUntil = clock.elapsed() + takePause()
            return
        }
        pausedUntil = nil
        nextPause = settings.backoff.lowerBound
        logger.info("consuming commands", metadata: ["types": "\(core.participant.commandTypes)"])
        resumeUnsettledCalls()
    }

    private func turn(_ events: [BusEvent], _ publisher: any BusPublisher, _ consumer: any BusConsumer) throws {
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
        if clock.elapsed() >= maintenanceDue {
            try core.maintain(now: clock.now())
            maintenanceDue = clock.elapsed() + settings.maintenanceInterval
        }
        guard !returned.isEmpty || !batch.isEmpty else { return }
        let outcome = try core.process(batch, finishing: returned, now: clock.now())
        returned = []
        take(outcome, publisher)
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
        settings.crashPoints.reached(.participantAfterCommit)
        calls.add(outcome.calls)
        guard !outcome.replies.isEmpty else { return }
        publisher.publish(
            outcome.replies.map { reply in
                lastToken += 1
                unconfirmed[lastToken] = reply.delivery
                return (token: lastToken, message: reply.message)
            })
        settings.crashPoints.reached(.participantAfterPublishing)
        guard PlantedBug.acknowledgesBeforeConfirm.isPlanted else { return }
        link?.consumer.acknowledge(outcome.replies.compactMap(\.delivery))
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
        case .consuming(_, let backlog, _):
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
        settings.crashPoints.reached(.participantAfterConfirm)
        if !done.isEmpty { consumer.acknowledge(done) }
        if !again.isEmpty { consumer.requeue(again) }
    }

    // MARK: - Trouble and the end

    /// Gives everything back to the queue and waits: the commands come again and find the barrier as it was.
    private func pause(_ consumer: any BusConsumer, because error: any Error) {
        stopConsuming(consumer)
        let pause = takePause()
        pausedUntil = clock.elapsed() + pause
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
        if let until = pausedUntil, clock.elapsed() < until { return false }
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
        let end = clock.elapsed() + settings.shutdownPatience
        calls.dropWaiting()
        while calls.areUnderWay || !returned.isEmpty || !unconfirmed.isEmpty {
            let left = end - clock.elapsed()
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
