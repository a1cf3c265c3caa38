import DurableSQLite
import GRDB
import Glibc
import OrderServices
import SagaBus
import SagaCore
import SagaEngine
import SagaParticipant
import SagaStore

/// Everything a simulation runs: the worker, the participants, the gateway and the customers, each with the database
/// and the clock of its machine.
///
/// It is the engine, the participants' library and the order services as they are; only clock, transport and
/// randomness are ours.
// One thread drives a simulation and all that belongs to it.
final class World: @unchecked Sendable {
    let time: VirtualTime
    let luck: Luck
    let trace: Trace
    let network: Network
    let store: SagaStore
    let services: Services
    let databases: Databases
    private(set) var processes: [SimulatedProcess] = []
    /// What the definition files hold now.
    private(set) var files: [SagaDefinition]
    private(set) var customer: Customer?
    private(set) var callsUnderWay = 0
    private var workerSignals: EngineSignals?
    private var clocks: [MachineClock] = []

    init(
        _ plan: Plan, on databases: Databases, definitions: [SagaDefinition], trace write: ((String) -> Void)?
    ) throws {
        time = VirtualTime(seed: plan.seed)
        luck = Luck(seed: plan.seed, rates: plan.rates, limit: plan.faultLimit)
        trace = Trace(time: time, write: write)
        network = try Network(time: time, luck: luck, trace: trace)
        self.databases = databases
        store = databases.store
        services = Services(databases, plan, luck: luck, trace: trace)
        files = definitions
        network.onClockJump = { [unowned self] in jumpClock() }
        addWorker(plan)
        for service in services.all { add(service) }
        if plan.hasOldCommands { sendOldCommands(plan) }
        services.causes.report = { [unowned self] in processes.first?.report($0) }
        addCustomer()
        for process in processes { process.start() }
    }

    func watch(of participant: String) -> ParticipantWatch? {
        processes.first { $0.name == participant }?.watch
    }

    /// All processes run, and each has for some seconds, so that it has done what it does when it starts.
    var allRun: Bool {
        processes.allSatisfy { $0.isAlive && time.milliseconds - max($0.startedAt, $0.stoodStillUntil) > 5000 }
    }
    var breaches: [String] {
        // Asked after every event, when there are none.
        processes.contains { !$0.breaches.isEmpty } ? processes.flatMap(\.breaches) : []
    }

    private func addWorker(_ plan: Plan) {
        let clock = MachineClock(time: time)
        clocks.append(clock)
        var random = SplitMix64(seed: plan.seed ^ 0xfeed)
        let worker = SimulatedProcess("worker", network: network, crash: .crashWorker) {
            [unowned self] process, bus in
            let signals = EngineSignals()
            workerSignals = signals
            let last = PlantedBug.clockFollowsWall.isPlanted ? nil : try store.read { try $0.lastTime() }
            let engineClock = EngineClock(notBefore: last) { id in
                id == CLOCK_REALTIME ? clock.wall.milliseconds : clock.sinceBoot
            }
            var settings = plan.engineSettings
            settings.inputCheck = { Order.check($0, $1) }
            try plant(in: &settings, worker: process)
            return try EngineLoop(
                core: EngineCore(store: store, settings: settings, definitions: []), store: store, bus: bus,
                settings: settings, definitions: files, clock: engineClock, random: SplitMix64(seed: random.next()),
                signals: signals, logger: .silent)
        }
        worker.onDeath = { [unowned self] in
            if luck.comesAlong(.jumpClock, onceIn: 4) { jump(clock) }
        }
        worker.isInTransaction = { [store] in store.queue.unsafeIsInTransaction }
        worker.checkPublish = { [store, compensations = Self.compensations(files)] token, message in
            if let breach = Self.misnamed(message, compensations) { return breach }
            let isKept = try? store.peek { try $0.isInOutbox(Int64(token)) }
            return isKept == true ? nil : "I7: the worker publishes what is not in its outbox: \(message.summary)"
        }
        databases.storeWatch.process = worker
        processes.append(worker)
    }

    private static func compensations(_ definitions: [SagaDefinition]) -> Set<String> {
        Set(
            definitions.flatMap(\.steps).compactMap { step in
                if case .command(let type) = step.compensation { type } else { nil }
            })
    }

    /// Rule 2: an id says whether its command does something or undoes it.
    private static func misnamed(_ message: Message, _ compensations: Set<String>) -> String? {
        guard message.exchange == SkaldNames.commands, let type = message.properties.type,
            let id = message.properties.messageID.flatMap({ CommandID($0) }),
            compensations.contains(type) != (id.kind == .compensation)
        else { return nil }
        return "rule 2: \(type) goes out as \(id)"
    }

    private func add(_ service: Services.Service) {
        let (participant, database) = (service.participant, service.database)
        let clock = MachineClock(time: time)
        clocks.append(clock)
        let process = SimulatedProcess(participant.name, network: network, crash: .crashParticipant) {
            [unowned self] process, bus in
            var settings = ParticipantSettings()
            settings.maintenanceInterval = .seconds(600)
            return ParticipantLoop(
                core: ParticipantCore(participant: participant, database: database), bus: bus, settings: settings,
                signals: ParticipantSignals(),
                clock: ParticipantClock(now: { clock.wall }, elapsed: { .milliseconds(clock.sinceBoot) }),
                perform: { [unowned self] call, signals in perform(call, signals, process) }, logger: .silent)
        }
        process.isInTransaction = { database.queue.unsafeIsInTransaction }
        service.watch.process = process
        process.watch = ParticipantWatch(participant.name, causes: services.causes) { [unowned process] in
            process.report($0)
        }
        process.witness = process.watch
        processes.append(process)
    }

    /// A call goes out, has its effect, and comes back, each in its time; whoever made it may be dead by then.
    private func perform(
        _ call: OutsideCall, _ signals: ParticipantSignals, _ process: SimulatedProcess
    ) {
        callsUnderWay += 1
        let life = process.life
        process.watch?.calls(call.started, stored: Self.storedCall(for: call.started.command, databases.payment))
        time.after(luck.draw(0...400)) { [self] in
            let answered = call.perform()
            time.after(luck.draw(0...400)) { [self] in
                callsUnderWay -= 1
                guard process.isAlive, process.life == life else { return }
                process.watch?.callIsBack(call.started.command)
                signals.returned(answered)
                process.poke()
            }
        }
    }

    private static func storedCall(for command: CommandID, _ database: ParticipantDatabase) -> StoredCall? {
        try? database.queue.unsafeRead { try BarrierRows.storedCall(for: command, $0) }
    }

    /// Somebody finds commands of last month.
    private func sendOldCommands(_ plan: Plan) {
        var random = SplitMix64(seed: plan.seed ^ 0x01d)
        for service in services.all {
            guard let type = service.participant.commandTypes.randomElement(using: &random) else { continue }
            for message in OldRecords.commands(for: service.participant.name, type) {
                time.after(Int64.random(in: 1000...60_000, using: &random)) { [network] in
                    network.arrive(message) { _ in }
                }
            }
        }
    }

    private func addCustomer() {
        let process = SimulatedProcess("customer", network: network, crash: nil) { [unowned self] _, bus in
            let customer = Customer(bus: bus, time: time, trace: trace)
            self.customer = customer
            return customer
        }
        processes.append(process)
    }

    /// Planted bugs that are easier made here than where they would happen.
    private func plant(in settings: inout EngineSettings, worker: SimulatedProcess) throws {
        settings.crashPoints = CrashPoints { [unowned worker] point in
            if point == .workerBeforeCommit { worker.isInBatch = true }
        }
        if PlantedBug.takesSlowForSilent.isPlanted { settings.unansweredLimit = 1 }
        settings.afterCommit = { [unowned worker] in try worker.misreport() }
        if PlantedBug.forgetsTimersOnRestart.isPlanted {
            try store.queue.writeWithoutTransaction { try $0.execute(sql: "UPDATE sagas SET wake_at = NULL") }
        }
        guard PlantedBug.publishesBeforeCommit.isPlanted else { return }
        settings.crashPoints = CrashPoints { [unowned self] point in
            guard point == .workerBeforeCommit else { return }
            let rows = (try? store.peek { try $0.outbox() }) ?? []
            for row in rows where worker.told[UInt64(row.id)] == nil {
                worker.willPublish(UInt64(row.id), Message(row))
                network.arrive(Message(row)) { _ in }
            }
        }
    }

    func wakeCustomer() { processes.last?.poke() }

    /// Lets go of everything that refers back here.
    func end() {
        for process in processes { process.end() }
        customer = nil
        databases.end()
        network.end()
        time.end()
    }

    // MARK: Faults of the machines

    private func jumpClock() {
        jump(clocks[Int(luck.draw(0...Int64(clocks.count - 1), of: .jumpClock))])
    }

    private func jump(_ clock: MachineClock) {
        let jump = luck.draw(-86_400_000...86_400_000, of: .jumpClock)
        trace.note("clock", "a wall clock jumps by \(jump / 1000) s")
        clock.jump(by: jump)
    }

    /// Someone writes the definition files, and tells the worker.
    func change(_ files: [SagaDefinition], _ what: String) {
        trace.note("files", what)
        self.files = files
        workerSignals?.load(files)
    }
}
