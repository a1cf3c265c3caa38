import DurableSQLite
import GRDB
import SagaBus
import SagaCore
import SagaEngine

/// What runs in a process: one step at a time.
protocol Program: AnyObject {
    func step() throws
    /// How long it would wait for something to arrive.
    var patience: Duration { get }
}

/// A process of the simulation: takes its steps, stands still, dies and starts again.
///
/// What it had in memory is gone with it; what it had committed is not.
// One thread drives a simulation and all that belongs to it.
final class SimulatedProcess: @unchecked Sendable {
    let name: String
    let time: VirtualTime
    let luck: Luck
    let trace: Trace
    /// Nil for one that never dies.
    private let crash: SimulatedFault?
    private let boot: (SimulatedProcess, SimulatedBus) throws -> any Program
    private let network: Network

    private(set) var isAlive = false
    private var program: (any Program)?
    private var bus: SimulatedBus?
    /// Counts starts.
    private(set) var life = 0
    private(set) var startedAt: Int64 = 0
    private var nextStep: Int64?
    private(set) var commits = 0
    /// Steps in a row after which it would wait for nothing.
    private var hurriedSteps = 0
    /// At which commit each delivery came.
    private var cameAt: [ConsumerID: [DeliveryTag: Int]] = [:]
    private(set) var breaches: [String] = []
    /// What it has been told of the messages it published, by token; in this life.
    private(set) var told: [UInt64: PublishOutcome] = [:]
    /// What is checked before a message leaves it.
    var checkPublish: (UInt64, Message) -> String? = { _, _ in nil }
    /// Nil for one without a database.
    var isInTransaction: (() -> Bool)?
    var afterStep: () -> Void = {}
    var onDeath: () -> Void = {}
    /// The commit that comes is that of a batch.
    var isInBatch = false
    /// A commit that has been done and will be reported as failed.
    private var isMisreported = false
    private var lastOddCommit: Int64?
    weak var witness: (any Witness)?
    /// Since when the broker has taken what it publishes; nil while it does not.
    var publishingSince: Int64?
    /// Since when replies can arrive, be it that they wait in their queue; nil while none can.
    private(set) var consumingSince: Int64?
    /// What of that it has not been told yet: it is, once it has taken so much mail.
    private var hearing: [(mail: Int, since: Int64?)] = []
    /// As far as it has been told.
    private var hearsSince: Int64?
    private var mailbox: BusMailbox?
    /// All that has been left in its mailbox.
    private var mailCount = 0
    private(set) var stoodStillUntil: Int64 = 0
    /// Replies that waited in their queue when consuming began and have not come, and when the last one came.
    private var repliesToHear = 0
    private var lastReply: Int64 = 0
    /// Of a participant.
    var watch: ParticipantWatch?

    init(
        _ name: String, network: Network, crash: SimulatedFault?,
        boot: @escaping (SimulatedProcess, SimulatedBus) throws -> any Program
    ) {
        self.name = name
        self.network = network
        time = network.time
        luck = network.luck
        trace = network.trace
        self.crash = crash
        self.boot = boot
    }

    // MARK: Life

    func start() {
        guard !isAlive else { return }
        isAlive = true
        life += 1
        stoodStillUntil = 0
        startedAt = time.milliseconds
        cameAt = [:]
        told = [:]
        (isInBatch, isMisreported) = (false, false)
        (publishingSince, consumingSince, repliesToHear) = (nil, nil, 0)
        (hearing, hearsSince, mailbox, mailCount) = ([], nil, nil, 0)
        witness?.begins()
        trace.note(name, "starts")
        let bus = SimulatedBus(network: network, process: self)
        self.bus = bus
        do {
            program = try boot(self, bus)
            poke()
        } catch {
            die("cannot start: \(error)")
        }
    }

    /// It is gone between two instructions, and comes back some time later.
    func die(_ why: String) {
        guard isAlive else { return }
        trace.note(name, "dies \(why)")
        isAlive = false
        nextStep = nil
        bus?.die()
        bus = nil
        program = nil
        onDeath()
        // Seldom a participant is away for long (F20).
        let isLong = crash == .crashParticipant && luck.draw(0...7, of: .crashParticipant) == 0
        time.after(luck.milliseconds(50...(isLong ? 600_000 : 20_000), of: crash ?? .stall)) { [self] in start() }
    }

    /// The simulation is over.
    func end() {
        isAlive = false
        program = nil
        bus = nil
        afterStep = {}
        onDeath = {}
        checkPublish = { _, _ in nil }
        isInTransaction = nil
        watch = nil
    }

    func maybeDies(_ moment: @autoclosure () -> String) -> Bool {
        guard let crash, luck.happens(crash) else { return false }
        die(moment())
        return true
    }

    // MARK: Steps

    func tell(_ event: BusEvent, in mailbox: BusMailbox) {
        guard isAlive else { return }
        self.mailbox = mailbox
        mailCount += 1
        mailbox.post(event)
        poke()
    }

    /// Something has arrived: it takes a step soon.
    func poke() { step(after: luck.draw(0...2)) }

    private func step(after delay: Int64) {
        guard isAlive else { return }
        // One that stands still does nothing, whatever arrives.
        let due = max(time.milliseconds + delay, stoodStillUntil)
        if let nextStep, nextStep <= due { return }
        nextStep = due
        time.after(due - time.milliseconds) { [self, life] in
            guard life == self.life, isAlive, nextStep == due else { return }
            takeStep()
        }
    }

    private func takeStep() {
        nextStep = nil
        if luck.happens(.stall) {
            let stall = luck.milliseconds(100...180_000, of: .stall)
            trace.note(name, "stands still for \(stall) ms")
            stoodStillUntil = time.milliseconds + stall
            return step(after: stall)
        }
        guard !maybeDies("between two steps"), let program else { return }
        do {
            try program.step()
        } catch {
            die("with an error: \(error)")
        }
        afterStep()
        guard isAlive else { return }
        let patience = program.patience
        hurriedSteps = patience < .milliseconds(5) ? hurriedSteps + 1 : 0
        if hurriedSteps == Self.mostHurriedSteps {
            breaches.append("\(name) spins: it waits for nothing and does nothing")
        }
        // What exceeds a batch is waiting already.
        step(after: bus?.hasMail == true ? 1 : max(1, Int64((patience / .milliseconds(1)).rounded(.up))))
    }

    /// Enough for any real work at one moment.
    private static let mostHurriedSteps = 2000

    // MARK: Rule 25, seen from outside

    func noteDelivery(_ delivery: Delivery) {
        guard isInTransaction != nil else { return }
        if delivery.consumer == .replies, repliesToHear > 0 {
            (repliesToHear, lastReply) = (repliesToHear - 1, time.milliseconds)
        }
        witness?.gets(delivery)
        cameAt[delivery.consumer, default: [:]][delivery.tag] = commits
    }

    func willAcknowledge(_ tags: [DeliveryTag], of consumer: ConsumerID) {
        if isInTransaction?() == true { breaches.append("I7: \(name) acknowledges while its transaction is open") }
        for tag in tags {
            let recordsNothing = watch?.recordsNothing(of: tag) ?? false
            witness?.acknowledges(tag, of: consumer)
            guard let came = cameAt[consumer]?.removeValue(forKey: tag) else { continue }
            if came == commits, !recordsNothing {
                breaches.append("I7: \(name) acknowledges what it has not committed")
            }
        }
    }

    func canHear(waiting: Int) {
        if consumingSince == nil {
            consumingSince = time.milliseconds
            hearing.append((mailCount + 1, consumingSince))
        }
        (repliesToHear, lastReply) = (waiting, time.milliseconds)
    }
    func cannotHear() {
        hearing.append((mailCount + 1, nil))
        (consumingSince, repliesToHear) = (nil, 0)
    }

    /// How long replies have been able to arrive, as far as the worker can know: what has happened meanwhile may wait in
    /// its mailbox.
    func hearsFor() -> Int64? {
        let taken = mailCount - (mailbox?.count ?? 0)
        while let next = hearing.first, next.mail <= taken {
            hearsSince = next.since
            hearing.removeFirst()
        }
        return hearsSince.map { time.milliseconds - $0 }
    }

    /// Rule 3: what waited in the reply queue has come, or has not for so long that it cannot be there.
    var hasHeardWhatWaited: Bool { repliesToHear == 0 || time.milliseconds - lastReply >= 1000 }

    func noteOutcome(_ token: UInt64, _ outcome: PublishOutcome) {
        told[token] = outcome
        witness?.isTold(token, outcome)
    }

    func willPublish(_ token: UInt64, _ message: Message) {
        if isInTransaction?() == true { breaches.append("I7: \(name) publishes while its transaction is open") }
        if let breach = checkPublish(token, message) { breaches.append(breach) }
        witness?.publishes(token, message)
    }

    /// An error where there was none.
    func misreport() throws {
        guard isMisreported else { return }
        isMisreported = false
        throw DatabaseError(resultCode: .SQLITE_IOERR, message: "nobody knows whether it is committed")
    }

    fileprivate func mayCommit() throws {
        // What the dead do does not count.
        guard isAlive else { throw DatabaseError(resultCode: .SQLITE_IOERR, message: "the process is dead") }
        if maybeDies("before a commit") {
            throw DatabaseError(resultCode: .SQLITE_IOERR, message: "the process has died")
        }
        let isBatch = isInBatch
        isInBatch = false
        guard luck.happens(.failCommit) else { return }
        switch isBatch ? luck.draw(0...3, of: .failCommit) : 0 {
        case 2:
            trace.note(name, "commits and does not know it")
            isMisreported = true
        // Not twice at a time, nor among what killed it, or it would be the input's fault.
        case 3 where lastOddCommit != time.milliseconds && life == 1:
            trace.note(name, "cannot commit, for no reason of the disk")
            lastOddCommit = time.milliseconds
            throw Unforeseen()
        default:
            trace.note(name, "cannot commit: the disk is full")
            throw DatabaseError(resultCode: .SQLITE_FULL, message: "the disk is full")
        }
    }

    private struct Unforeseen: Error {}

    func report(_ breach: String) { breaches.append(breach) }

    fileprivate func hasCommitted() {
        commits += 1
        if isAlive { _ = maybeDies("right after a commit") }
    }
}

/// Watches the commits of a process's database: it may die at one, or find the disk full.
final class CommitWatch: TransactionObserver {
    var process: SimulatedProcess?

    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
    func databaseDidChange(with event: DatabaseEvent) {}

    func databaseWillCommit() throws { try process?.mayCommit() }
    func databaseDidCommit(_ db: Database) { process?.hasCommitted() }
    func databaseDidRollback(_ db: Database) {}
}
