import DurableSQLite
import Foundation
import Glibc
import SagaCore
import SagaStore

/// One run: starts the system, feeds and hurts it, lets it come to rest, and checks what it has left.
final class ChaosRun: Sendable {
    struct Settings: Sendable {
        var scenario: ChaosScenario
        var directory: String
        /// The files of definitions; nil for those in the program.
        var sagas: String?
        /// How long everything may take to come to rest.
        var patience: Duration
    }

    private static let processes: [FaultTarget] = [.worker, .inventory, .payment, .ledger]
    /// What an outage holds up waits as starts in the broker, not as sagas that ask their services again and again.
    private static let sagasInFlight = 500

    private let settings: Settings
    private let broker: PrivateBroker
    private let network: FaultyNetwork
    private let journal = ChaosJournal()
    private let feeder: OrderFeeder
    private let sampler: SystemSampler
    private let parts: [SupervisedProcess]

    private var scenario: ChaosScenario { settings.scenario }

    init(_ settings: Settings) throws {
        self.settings = settings
        let directory = settings.directory
        broker = try PrivateBroker(directory: directory + "/broker")
        let network = try FaultyNetwork(brokerPort: broker.port, targets: Self.processes + [.feeder])
        self.network = network
        feeder = OrderFeeder(settings.scenario, url: network.url(for: .feeder))
        sampler = SystemSampler(directory: directory, journal: journal)
        let stock = directory + "/stock.jsonl"
        try feeder.stock.write(toFile: stock, atomically: true, encoding: .utf8)
        let sagas = try settings.sagas ?? Self.writeDefinitions(in: directory)
        let executable = try Self.executable()
        parts = Self.processes.map { [journal] target in
            var arguments =
                target == .worker
                ? ["worker", "--sagas", sagas, "--in-flight", "\(Self.sagasInFlight)"] : ["service", target.rawValue]
            if target == .inventory { arguments += ["--stock", stock] }
            return SupervisedProcess(
                target, executable: executable, arguments: arguments,
                environment: [
                    "SKALD_DATA_DIR": directory, "SKALD_BROKER_URL": network.url(for: target), "HOME": directory,
                    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                ], directory: directory, journal: journal)
        }
    }

    private static func writeDefinitions(in directory: String) throws -> String {
        let path = directory + "/sagas"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in ChaosDefinitions.files {
            try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
        }
        return path
    }

    /// The program that is running.
    private static func executable() throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    }

    // MARK: The run

    func run() async throws -> ChaosReport {
        // Inherited by the processes: a file that cannot grow is an error to them, not their end.
        signal(SIGXFSZ, SIG_IGN)
        try await broker.start()
        for part in parts { try await part.start() }
        try await waitForWorker()
        feeder.start()
        sampler.start()
        let began = journal.now
        try await hurt()
        let fed = journal.now
        feeder.stopFeeding()
        let queues = try await comeToRest()
        let rested = journal.now
        try await sampler.stop()
        await stopAll()
        return try report(queues, began: began, fed: fed, rested: rested)
    }

    /// For the end, whatever its reason: nothing of it is left running.
    func tearDown() {
        feeder.end()
        network.stop()
        ChildProcess.killAll()
    }

    private func waitForWorker() async throws {
        let path = settings.directory + "/skald.sqlite"
        for _ in 0..<1500 {
            if (try? SagaStoreReader(path: path).read({ try $0.hasNoSagas() })) != nil { return }
            for part in parts { try await part.revive() }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw CommandFailure(.refused, "the worker does not start: see \(settings.directory)/worker.log")
    }

    /// Feeds and hurts until the time is up or the orders are all placed.
    private func hurt() async throws {
        let offset = journal.now
        // Orders may take longer than expected, since the system is being hurt.
        let horizon = scenario.orders == nil ? scenario.milliseconds : scenario.expectedMilliseconds * 10
        let plan = scenario.plan.faults(until: horizon).map { $0.moved(by: offset) }
        let end = Signal()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for part in parts {
                let faults = plan.filter { $0.target == part.target && $0.kind.isForProcess }
                group.addTask { try await part.run(faults, until: end) }
            }
            for target in Self.processes + [.feeder] {
                let link = SupervisedLink(target, network, journal: journal)
                let faults = plan.filter { $0.target == target && $0.kind.isForConnections }
                group.addTask { try await link.run(faults, until: end) }
            }
            group.addTask { [broker, journal] in
                let faults = plan.filter { $0.target == .broker }
                try await SupervisedBroker(broker, journal: journal).run(faults, until: end)
            }
            group.addTask { [self] in
                var progress = ChaosProgress(self.scenario, from: offset)
                while !isTimeUp(since: offset) {
                    progress.show(journal, feeder.current, sampler.samples.last)
                    try await Task.sleep(for: .milliseconds(100))
                }
                progress.clear()
                end.set()
            }
            try await group.waitForAll()
        }
    }

    private func isTimeUp(since offset: Int64) -> Bool {
        if scenario.orders != nil { return feeder.isFed }
        return journal.now - offset >= scenario.milliseconds
    }

    /// Everything runs and nothing hurts it: waits until nothing moves any more, and says what the broker's queues hold.
    private func comeToRest() async throws -> [String: Int]? {
        let deadline = ContinuousClock.now + settings.patience
        let reader = settings.directory + "/skald.sqlite"
        var progress = ChaosProgress(scenario, from: nil)
        defer { progress.clear() }
        while ContinuousClock.now < deadline {
            for part in parts { try await part.revive() }
            if try isQuiet(reader), let queues = await broker.queuesWithMessages(),
                queues.allSatisfy({ $0.key.hasPrefix("skald.answers.") }), try isQuiet(reader)
            {
                return queues
            }
            progress.show(journal, feeder.current, sampler.samples.last)
            try await Task.sleep(for: .milliseconds(500))
        }
        journal.note("not everything came to rest within \(Int(settings.patience.seconds)) s")
        return await broker.queuesWithMessages()
    }

    private func isQuiet(_ path: String) throws -> Bool {
        guard feeder.isDone else { return false }
        return try SagaStoreReader(path: path).read { transaction in
            let counts = try transaction.countByStatus()
            return try counts[.running] == nil && counts[.compensating] == nil && transaction.outboxCount() == 0
        }
    }

    private func stopAll() async {
        for part in parts {
            let end = await part.stop()
            if end != .exited(0) {
                journal.report(
                    ChaosJournal.Violation(
                        rule: "F28",
                        text: "\(part.target.rawValue) did not end in order: \(end.map { "\($0)" } ?? "still running")")
                )
            }
        }
    }

    private func report(_ queues: [String: Int]?, began: Int64, fed: Int64, rested: Int64) throws -> ChaosReport {
        let tally = feeder.current
        var checks = try InvariantChecks(directory: settings.directory, feeder: tally, pasts: sampler.pasts)
        try checks.run(queues: queues)
        let violations = journal.violations + checks.violations
        return ChaosReport(
            scenario: scenario, directory: settings.directory,
            epoch: Timestamp.wallClock.adding(milliseconds: -journal.now),
            began: began, fed: fed, rested: rested, tally: tally, sagas: checks.sagas, books: checks.books,
            entries: journal.entries, notes: journal.notes, samples: sampler.samples, pasts: sampler.pasts.count,
            violations: violations, histories: checks.histories(of: violations))
    }
}

extension PlannedFault {
    fileprivate func moved(by milliseconds: Int64) -> PlannedFault {
        PlannedFault(kind: kind, target: target, at: at + milliseconds, lasting: lasting, detail: detail)
    }
}

extension FaultKind {
    var isForConnections: Bool {
        switch self {
        case .delay, .blackhole, .halfClose, .reset: true
        default: false
        }
    }
    var isForProcess: Bool { !isForConnections && targets != [.broker] }
}
