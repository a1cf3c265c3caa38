import DurableSQLite
import Logging
import Metrics
import SagaBus
import SagaCore
import SagaStore

/// What an ``Orchestrator`` does on its thread: receives a batch, has it committed, acknowledges, publishes.
///
/// It has no thread, clock or randomness of its own: the worker runs it on a thread, the simulator step by step.
package final class EngineLoop {
    private let core: EngineCore
    private let store: SagaStore
    private let bus: any MessageBus
    private let settings: EngineSettings
    private let signals: EngineSignals
    private let log: EngineLog
    private let clock: EngineClock
    private var random: SplitMix64

    private var intake = Intake()
    private var outbox: OutboxPublisher?
    private var connectedSince = Timestamp(milliseconds: 0)
    private var nextWake: Timestamp?
    private var timersAreDue = true
    /// How much of what had arrived when timers were found due has not been taken yet; nil while none are due.
    private var mailBeforeTimers: Int?
    /// When the last event came.
    private var quietSince: Timestamp
    /// The worker did not close the file in order: until a consumer delivers something new, what it delivers again is
    /// handled one by one, but no more than the dead worker can have held. A broker that was killed says of its whole
    /// backlog that it comes again.
    private var suspects: [ConsumerID: Int] = [:]
    /// Between tries to reach the broker, at the start.
    private var connectPause = Pause()
    private var storagePause = Pause()
    private var republishPause = Pause()
    private var pruning: PruningPace?

    package init(
        core: EngineCore, store: SagaStore, bus: any MessageBus, settings: EngineSettings,
        definitions: [SagaDefinition], clock: EngineClock, random: SplitMix64, signals: EngineSignals, logger: Logger
    ) throws {
        self.core = core
        self.store = store
        self.bus = bus
        self.settings = settings
        self.signals = signals
        log = EngineLog(logger: logger)
        self.clock = clock
        self.random = random
        quietSince = clock.now
        pruning = settings.pruneAfter.map { PruningPace(age: $0, from: clock.now) }
        if try store.read({ try $0.fact(StoreFact.isOpen) }) == "yes" {
            for consumer in [ConsumerID.starts, .replies, .operatorRequests, .deadLetters] {
                suspects[consumer] = settings.prefetch
            }
        }
        if clock.behindMilliseconds > 3_600_000 { log.clockIsBehind(clock.behindMilliseconds) }
        for refused in try core.load(definitions) { log.definitionRefused(refused) }
    }

    func run() throws {
        defer {
            intake.close()
            outbox?.close()
        }
        while !signals.isStopping { try step(waitingAtMost: patience) }
        guard isConnected else { return }
        do {
            try finish()
            try store.write { try $0.setFact(StoreFact.isOpen, to: "no") }
        } catch  where error.isStorageTrouble {
            log.storageTroubleAtStop(error)
        }
        log.stopped()
    }

    /// Takes what has arrived and does what is due, waiting for something to arrive at most so long.
    package func step(waitingAtMost timeout: Duration = .zero) throws {
        let events = signals.mailbox.receive(waitingAtMost: timeout, limit: settings.batchLimit)
        if isConnected {
            try turn(events)
        } else if !connectPause.isOn(clock.now) {
            // What has arrived is from consumers that are closed again.
            try connect()
        }
    }

    // MARK: Opening

    private var isConnected: Bool { outbox != nil }

    /// Opens everything, unless the broker cannot be reached for now.
    private func connect() throws {
        _ = connectPause.ends()
        var outbox: OutboxPublisher?
        do {
            try declare()
            outbox = OutboxPublisher(publisher: try bus.openPublisher(mailbox: signals.mailbox))
            let replies = SkaldNames.replyQueue(shard: settings.shard)
            try consume(.replies, queue: replies, isExclusive: true)
            try consume(.operatorRequests, queue: SkaldNames.operatorQueue(shard: settings.shard))
            try consume(.deadLetters, queue: SkaldNames.deadLetters)
            try consume(.starts, queue: SkaldNames.startQueue(shard: settings.shard))
        } catch let error as BusError where error.isTemporary {
            intake.close()
            intake = Intake()
            outbox?.close()
            connectPause.begin(clock.now)
            return log.brokerIsAway(error)
        }
        self.outbox = outbox
        try store.write { try $0.setFact(StoreFact.isOpen, to: "yes") }
        log.started(definitions: core.registry.all, unpublished: core.unreadCount, held: core.held.count)
        try publishUnread()
    }

    private func declare() throws {
        var topology = Topology.orchestrator(shard: settings.shard)
        for participant in core.registry.participants { topology = topology + .participant(participant) }
        try bus.declare(topology)
    }

    private func consume(_ id: ConsumerID, queue: String, isExclusive: Bool = false) throws {
        let consumer = try bus.openConsumer(
            id, queue: queue, options: ConsumerOptions(prefetch: settings.prefetch, isExclusive: isExclusive),
            mailbox: signals.mailbox)
        intake.add(consumer, as: id)
    }

    // MARK: One turn

    private func turn(_ events: [BusEvent]) throws {
        var deliveries: [Delivery] = []
        for event in events { try take(event, &deliveries) }
        mailBeforeTimers = mailBeforeTimers.map { $0 - events.count }
        if !events.isEmpty { quietSince = clock.now }
        if isQuietBeforeDrained, clock.now - quietSince >= Self.drainedMilliseconds {
            intake.deemDrained()
            noteDrained()
        }
        guard !storagePause.isOn(clock.now) else { return }
        do {
            if storagePause.isOver(clock.now) { try endStoragePause() }
            try reloadIfAsked()
            if republishPause.ends(ifOver: clock.now) { outbox?.publishWaiting() }
            try publishUnread()
            try work(deliveries, isIdle: events.isEmpty)
            try prune(isIdle: events.isEmpty && !(timersAreDue && intake.repliesAreDrained))
        } catch  where error.isStorageTrouble {
            pauseForStorage(error)
        }
        admit()
    }

    /// Publishes what an earlier run has left, as fast as the broker confirms it. Goes on until something is on its
    /// way: of what is confirmed already, or gone, nothing more is heard, and no event would bring the next.
    private func publishUnread() throws {
        while let outbox, core.unreadCount > 0, outbox.hasRoom(settings.publishWindow / 2) {
            self.outbox?.publish(missingOf: try core.nextUnread(limit: settings.publishWindow / 2))
        }
    }

    private func work(_ deliveries: [Delivery], isIdle: Bool) throws {
        // First what was in flight when the worker died: the timers of the batch must not overtake its replies.
        let (alone, together) = split(deliveries)
        if !alone.isEmpty { try removeConfirmed() }
        for suspect in alone {
            var single = EngineBatch()
            single.deliveries = [suspect]
            finish(single, try core.processSuspect(suspect, at: clock.now, using: &random))
        }
        var batch = EngineBatch()
        // Replies before new starts: finishing comes before beginning.
        batch.deliveries = together.sorted { $0.consumer.priority < $1.consumer.priority }
        let now = clock.now
        if mayRunTimers(at: now) { batch.timersSince = connectedSince }
        let mayRemoveAlone = isIdle || outbox.map { $0.confirmed.count >= settings.batchLimit } == true
        if !batch.isEmpty || mayRemoveAlone { batch.confirmed = outbox?.takeConfirmed() ?? [] }
        batch.returned = core.returned
        try commit(batch, at: now)
    }

    /// A newer attempt replaces no row that is confirmed: such a row leaves before one is made, or with it.
    private func removeConfirmed() throws {
        var batch = EngineBatch()
        batch.confirmed = outbox?.takeConfirmed() ?? []
        try commit(batch, at: clock.now)
    }

    private func commit(_ batch: EngineBatch, at now: Timestamp) throws {
        guard !batch.isEmpty else { return }
        if PlantedBug.acknowledgesBeforeCommit.isPlanted { intake.acknowledge(batch.deliveries) }
        do {
            finish(batch, try core.process(batch, at: now, using: &random))
            storagePause.reset()
        } catch {
            outbox?.giveBack(confirmed: batch.confirmed)
            throw error
        }
    }

    /// Rule 3: a worker that stood still finds timers due, and behind more than one batch the reply, or the loss of the
    /// consumer. What has arrived by then comes first; what arrives later does not keep timers waiting.
    private func mayRunTimers(at now: Timestamp) -> Bool {
        guard intake.repliesAreDrained, timersAreDue || nextWake.map({ $0 <= now }) == true else {
            mailBeforeTimers = nil
            return false
        }
        let left = min(mailBeforeTimers ?? .max, signals.mailbox.count)
        mailBeforeTimers = left > 0 ? left : nil
        return left <= 0
    }

    /// Parts what may have killed the worker from what came after it.
    private func split(_ deliveries: [Delivery]) -> (alone: [Delivery], together: [Delivery]) {
        guard !suspects.isEmpty else { return ([], deliveries) }
        var (alone, together): ([Delivery], [Delivery]) = ([], [])
        for delivery in deliveries {
            if let left = suspects[delivery.consumer], delivery.isRedelivered, left > 0 {
                suspects[delivery.consumer] = left - 1
                alone.append(delivery)
            } else {
                suspects[delivery.consumer] = nil
                together.append(delivery)
            }
        }
        return (alone, together)
    }

    /// After the commit: acknowledge, then publish.
    private func finish(_ batch: EngineBatch, _ result: BatchResult) {
        settings.crashPoints.reached(.workerAfterCommit)
        intake.acknowledge(batch.deliveries)
        settings.crashPoints.reached(.workerAfterAcknowledging)
        if core.unreadCount > 0 {
            core.leaveUnread(result.outgoing)
            outbox?.publish([], replacing: result.replaced)
        } else {
            outbox?.publish(result.outgoing, replacing: result.replaced)
        }
        settings.crashPoints.reached(.workerAfterPublishing)
        nextWake = result.nextWake
        if batch.timersSince != nil { timersAreDue = result.hasMoreTimers }
        log.report(result.notices)
        log.count(inputs: batch.deliveries.count, outgoing: result.outgoing.count)
    }

    /// Removes a piece of what was over long ago, if it is time. Trouble with that is no trouble for what is under way.
    private func prune(isIdle: Bool) throws {
        let now = clock.now
        guard let pace = pruning, pace.isDue(now, isIdle: isIdle) else { return }
        do {
            let age = PlantedBug.prunesEarly.isPlanted ? pace.ageMilliseconds / 2 : pace.ageMilliseconds
            let horizon = now.adding(milliseconds: -age)
            let piece = try core.prune(endedBefore: horizon, after: pace.after, at: now)
            if let total = pruning?.removed(piece, at: now) { log.pruned(total) }
        } catch  where !error.isStorageTrouble {
            pruning?.failed(at: now)
            log.pruningFailed(error)
        }
    }

    private func take(_ event: BusEvent, _ deliveries: inout [Delivery]) throws {
        switch event {
        case .delivery(let delivery):
            if intake.accepts(delivery) { deliveries.append(delivery) }
            noteDrained()
        case .consuming(let id, let backlog, let pauses):
            intake.isConsuming(id, backlog: backlog, pauses: pauses)
            log.consuming(id, backlog: backlog)
            noteDrained()
        case .consumerLost(let id, let error):
            intake.isLost(id)
            deliveries.removeAll { $0.consumer == id }
            if id == .replies { connectedSince = Timestamp(milliseconds: .max) }
            log.lost(id, error)
        case .published(let results):
            settle(results)
        case .publisherLost(let error):
            outbox?.connectionIsLost()
            // Whose queue is deleted while it is paused may not hear of it. With the broker away no reply can arrive.
            if intake.isPaused(.replies) { connectedSince = Timestamp(milliseconds: .max) }
            log.publisherLost(error)
        case .publisherReady:
            outbox?.connectionIsBack()
            republishPause.reset()
            log.publisherReady()
        case .publishingBlocked(let reason): log.blocked(reason)
        case .publishingUnblocked: log.unblocked()
        case .failed(let error): throw error
        }
    }

    private func settle(_ results: [PublishResult]) {
        guard let settled = outbox?.settle(results) else { return }
        settings.crashPoints.reached(.workerAfterConfirm)
        for id in settled.confirmed { core.wasConfirmed(id) }
        for (row, reason) in settled.returned {
            core.wasReturned(row.id)
            log.returned(row, reason)
        }
        for row in settled.refused { log.publishRefused(row) }
        if outbox?.isWaiting == true { republishPause.begin(clock.now) }
        if outbox?.count == 0 { republishPause.reset() }
    }

    private func noteDrained() {
        guard intake.repliesAreDrained, connectedSince.milliseconds == 0 || connectedSince.milliseconds == .max else {
            return
        }
        connectedSince = clock.now
        timersAreDue = true
    }

    private func reloadIfAsked() throws {
        guard let definitions = signals.takeDefinitions() else { return }
        do {
            for refused in try core.load(definitions) { log.definitionRefused(refused) }
            try declare()
            log.reloaded(core.registry.all)
        } catch let error as BusError {
            log.brokerIsAway(error)
        } catch {
            // Asked again when the file is back.
            signals.load(definitions)
            throw error
        }
    }

    /// How long to wait for the next event.
    package var patience: Duration {
        guard isConnected else { return connectPause.left(clock.now) }
        if storagePause.isOn(clock.now) { return storagePause.left(clock.now) }
        if timersAreDue, intake.repliesAreDrained { return .zero }
        var patience = Self.longest
        if let nextWake, intake.repliesAreDrained {
            patience = min(patience, .milliseconds(max(0, nextWake - clock.now)))
        }
        if isQuietBeforeDrained { patience = min(patience, .milliseconds(Self.drainedMilliseconds)) }
        if let outbox, !outbox.confirmed.isEmpty { patience = min(patience, Self.idle) }
        if let left = republishPause.leftIfOn(clock.now) { patience = min(patience, left) }
        if let pruning { patience = min(patience, .milliseconds(max(0, pruning.next - clock.now))) }
        // The window may open by time alone: commands become overdue.
        if intake.isPaused(.starts) { patience = min(patience, Self.admission) }
        return patience
    }

    /// Replies were said to wait that have not come. The broker's count may be stale, and a purge takes them away.
    private var isQuietBeforeDrained: Bool { intake.repliesToDrain.map { $0 > 0 } ?? false }

    /// Confirmed rows wait this long for another batch to take them along.
    private static let idle: Duration = .milliseconds(50)
    private static let admission: Duration = .milliseconds(100)
    /// A broker that is silent for so long has nothing more to deliver.
    private static let drainedMilliseconds: Int64 = 1000
    /// The mailbox's clock stands still while the machine sleeps, the engine's does not.
    private static let longest: Duration = .seconds(60)

    // MARK: Holding back

    private func admit() {
        guard !storagePause.isOn(clock.now) else { return }
        let waiting = (outbox?.count ?? 0) + core.unreadCount
        if waiting > settings.outboxBound {
            intake.pause([.starts, .replies])
        } else if waiting < settings.outboxBound / 2 {
            intake.resume([.replies])
        }
        let mayStart =
            waiting < settings.outboxBound
            && core.mayAdmitStarts(at: clock.now, wasFull: intake.isPaused(.starts))
        if mayStart { intake.resume([.starts]) } else { intake.pause([.starts]) }
    }

    /// F21, F22: nothing of the batch has happened; everything goes back to the broker until there is room.
    private func pauseForStorage(_ error: any Error) {
        intake.pause([.starts, .replies, .operatorRequests, .deadLetters])
        storagePause.begin(clock.now)
        log.storageTrouble(error, pause: storagePause.left(clock.now))
    }

    private func endStoragePause() throws {
        _ = storagePause.ends()
        // What was committed without being seen to be is in the outbox only.
        try core.recover()
        outbox?.keepWaiting(of: core.unreadRows)
        timersAreDue = true
        intake.resume([.starts, .replies, .operatorRequests, .deadLetters])
    }

    private func finish() throws {
        intake.close()
        let end = ContinuousClock.now + settings.shutdownGrace
        while outbox?.isIdle == false, ContinuousClock.now < end {
            for event in signals.mailbox.receive(waitingAtMost: ContinuousClock.now.duration(to: end)) {
                if case .published(let results) = event { settle(results) }
            }
        }
        if outbox?.isIdle == false { log.unconfirmedAtStop(outbox?.count ?? 0) }
        var batch = EngineBatch()
        batch.confirmed = outbox?.takeConfirmed() ?? []
        if !batch.isEmpty { _ = try core.process(batch, at: clock.now, using: &random) }
    }
}

extension ConsumerID {
    fileprivate var priority: Int {
        switch self {
        case .operatorRequests: 0
        case .replies: 1
        case .deadLetters: 2
        default: 3
        }
    }
}
