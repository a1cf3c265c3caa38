import DurableSQLite
import Logging
import Metrics
import SagaBus
import SagaCore
import SagaStore

/// The thread behind an ``Orchestrator``: receives a batch, has it committed, acknowledges, publishes.
final class EngineLoop {
    private let core: EngineCore
    private let store: SagaStore
    private let bus: any MessageBus
    private let settings: EngineSettings
    private let signals: EngineSignals
    private let log: EngineLog
    private let engineClock: EngineClock
    private let clock = ContinuousClock()
    private var random: SplitMix64

    private var intake = Intake()
    private var outbox: OutboxPublisher?
    private var connectedSince = Timestamp(milliseconds: 0)
    private var nextWake: Timestamp?
    private var timersAreDue = true
    /// The worker did not close the file in order: redelivered messages are handled one by one at first.
    private var suspectsRedelivered: Bool
    private var storagePause = Pause()
    private var republishPause = Pause()

    init(
        core: EngineCore, store: SagaStore, bus: any MessageBus, settings: EngineSettings,
        definitions: [SagaDefinition], signals: EngineSignals, logger: Logger
    ) throws {
        self.core = core
        self.store = store
        self.bus = bus
        self.settings = settings
        self.signals = signals
        log = EngineLog(logger: logger)
        engineClock = EngineClock(notBefore: try store.read { try $0.lastTime() })
        var seeds = SystemRandomNumberGenerator()
        random = SplitMix64(seed: seeds.next())
        suspectsRedelivered = try store.read { try $0.fact(StoreFact.isOpen) } == "yes"
        if engineClock.behindMilliseconds > 3_600_000 { log.clockIsBehind(engineClock.behindMilliseconds) }
        for refused in try core.load(definitions) { log.definitionRefused(refused) }
    }

    func run() throws {
        try store.write { try $0.setFact(StoreFact.isOpen, to: "yes") }
        guard try open() else { return }
        defer {
            intake.close()
            outbox?.close()
        }
        log.started(definitions: core.registry.all, unpublished: outbox?.count ?? 0)
        while !signals.isStopping { try turn() }
        try finish()
        try store.write { try $0.setFact(StoreFact.isOpen, to: "no") }
        log.stopped()
    }

    // MARK: Opening

    /// Connects, waiting for a broker that cannot be reached; false when told to stop meanwhile.
    private func open() throws -> Bool {
        var pause = Pause()
        while !signals.isStopping {
            do {
                try declare()
                outbox = OutboxPublisher(publisher: try bus.openPublisher(mailbox: signals.mailbox))
                let replies = SkaldNames.replyQueue(shard: settings.shard)
                try consume(.replies, queue: replies, isExclusive: true)
                try consume(.operatorRequests, queue: SkaldNames.operatorQueue(shard: settings.shard))
                try consume(.deadLetters, queue: SkaldNames.deadLetters)
                try consume(.starts, queue: SkaldNames.startQueue(shard: settings.shard))
                outbox?.publish(try core.unpublished())
                return true
            } catch let error as BusError where error.isTemporary {
                intake.close()
                intake = Intake()
                outbox?.close()
                log.brokerIsAway(error)
                _ = signals.mailbox.receive(waitingAtMost: pause.take())
            }
        }
        return false
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

    private func turn() throws {
        let events = signals.mailbox.receive(waitingAtMost: patience, limit: settings.batchLimit)
        var deliveries: [Delivery] = []
        for event in events { try take(event, &deliveries) }
        try reloadIfAsked()
        guard !storagePause.isOn(clock.now) else { return }
        if storagePause.ends() { intake.resume([.starts, .replies, .operatorRequests, .deadLetters]) }
        if republishPause.ends(ifOver: clock.now) { outbox?.publishWaiting() }

        // Replies before new starts: finishing comes before beginning.
        deliveries.sort { $0.consumer.priority < $1.consumer.priority }
        var suspects: [Delivery] = []
        if suspectsRedelivered {
            suspects = deliveries.filter(\.isRedelivered)
            deliveries.removeAll(where: \.isRedelivered)
        }
        var batch = EngineBatch()
        batch.deliveries = deliveries
        let now = engineClock.now
        if intake.repliesAreDrained, timersAreDue || nextWake.map({ $0 <= now }) == true {
            batch.timersSince = connectedSince
        }
        let mayRemoveAlone = events.isEmpty || outbox.map { $0.confirmed.count >= settings.batchLimit } == true
        if !batch.isEmpty || mayRemoveAlone { batch.confirmed = outbox?.takeConfirmed() ?? [] }
        do {
            if !batch.isEmpty { finish(batch, try core.process(batch, at: now, using: &random)) }
            for suspect in suspects {
                var single = EngineBatch()
                single.deliveries = [suspect]
                finish(single, try core.processSuspect(suspect, at: now, using: &random))
            }
            storagePause.reset()
        } catch {
            guard error.isStorageTrouble else { throw error }
            outbox?.giveBack(confirmed: batch.confirmed)
            pauseForStorage(error)
        }
        admit()
    }

    /// After the commit: acknowledge, then publish.
    private func finish(_ batch: EngineBatch, _ result: BatchResult) {
        intake.acknowledge(batch.deliveries)
        outbox?.publish(result.outgoing, replacing: result.replaced)
        nextWake = result.nextWake
        if batch.timersSince != nil { timersAreDue = result.hasMoreTimers }
        log.report(result.notices)
        log.count(inputs: batch.deliveries.count, outgoing: result.outgoing.count)
    }

    private func take(_ event: BusEvent, _ deliveries: inout [Delivery]) throws {
        switch event {
        case .delivery(let delivery):
            if intake.accepts(delivery) { deliveries.append(delivery) }
            noteDrained()
        case .consuming(let id, let backlog):
            intake.isConsuming(id, backlog: backlog)
            log.consuming(id, backlog: backlog)
            noteDrained()
        case .consumerLost(let id, let error):
            intake.isLost(id)
            deliveries.removeAll { $0.consumer == id }
            if id == .replies { connectedSince = Timestamp(milliseconds: .max) }
            log.lost(id, error)
        case .published(let results):
            for (row, reason) in outbox?.settle(results) ?? [] {
                core.wasReturned(row.id)
                log.returned(row, reason)
            }
            if outbox?.isWaiting == true {
                republishPause.begin(clock.now)
            } else {
                republishPause.reset()
            }
        case .publisherLost(let error):
            outbox?.connectionIsLost()
            log.publisherLost(error)
        case .publisherReady:
            outbox?.connectionIsBack()
            log.publisherReady()
        case .publishingBlocked(let reason): log.blocked(reason)
        case .publishingUnblocked: log.unblocked()
        case .failed(let error): throw error
        }
    }

    private func noteDrained() {
        guard intake.repliesAreDrained, connectedSince.milliseconds == 0 || connectedSince.milliseconds == .max else {
            return
        }
        connectedSince = engineClock.now
        timersAreDue = true
    }

    private func reloadIfAsked() throws {
        guard let definitions = signals.takeDefinitions() else { return }
        for refused in try core.load(definitions) { log.definitionRefused(refused) }
        do {
            try declare()
        } catch {
            log.brokerIsAway(error as? BusError ?? BusError(.connection, "\(error)"))
        }
        log.reloaded(core.registry.all)
    }

    /// How long to wait for the next event.
    private var patience: Duration? {
        if storagePause.isOn(clock.now) { return storagePause.left(clock.now) }
        if timersAreDue, intake.repliesAreDrained { return .zero }
        var patience: Duration?
        if let nextWake, intake.repliesAreDrained { patience = .milliseconds(max(0, nextWake - engineClock.now)) }
        if let outbox, !outbox.confirmed.isEmpty { patience = min(patience ?? Self.idle, Self.idle) }
        if let left = republishPause.leftIfOn(clock.now) { patience = min(patience ?? left, left) }
        // The window may open by time alone: commands become overdue.
        if intake.isPaused(.starts) { patience = min(patience ?? Self.admission, Self.admission) }
        return patience
    }

    /// Confirmed rows wait this long for another batch to take them along.
    private static let idle: Duration = .milliseconds(50)
    private static let admission: Duration = .milliseconds(100)

    // MARK: Holding back

    private func admit() {
        guard !storagePause.isOn(clock.now) else { return }
        let waiting = outbox?.count ?? 0
        if waiting > settings.outboxBound {
            intake.pause([.starts, .replies])
        } else if waiting < settings.outboxBound / 2 {
            intake.resume([.replies])
        }
        let mayStart = waiting < settings.outboxBound && core.mayAdmitStarts(at: engineClock.now)
        if mayStart { intake.resume([.starts]) } else { intake.pause([.starts]) }
    }

    /// F21, F22: nothing of the batch has happened; everything goes back to the broker until there is room.
    private func pauseForStorage(_ error: any Error) {
        core.forgetStates()
        intake.pause([.starts, .replies, .operatorRequests, .deadLetters])
        storagePause.begin(clock.now)
        log.storageTrouble(error, pause: storagePause.left(clock.now))
    }

    private func finish() throws {
        intake.close()
        let end = clock.now + settings.shutdownGrace
        while outbox?.isIdle == false, clock.now < end {
            for event in signals.mailbox.receive(waitingAtMost: clock.now.duration(to: end)) {
                if case .published(let results) = event { _ = outbox?.settle(results) }
            }
        }
        if outbox?.isIdle == false { log.unconfirmedAtStop(outbox?.count ?? 0) }
        var batch = EngineBatch()
        batch.confirmed = outbox?.takeConfirmed() ?? []
        if !batch.isEmpty { _ = try core.process(batch, at: engineClock.now, using: &random) }
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

/// Names of facts in the store.
package enum StoreFact {
    /// `yes` while a worker has the file open; still `yes` after a crash.
    package static let isOpen = "open"
    /// Which broker and virtual host, or `embedded`, the file belongs to.
    package static let transport = "transport"
    package static let shard = "shard"
}
