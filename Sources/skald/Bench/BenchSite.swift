import Foundation
import Glibc
import OrderServices
import SagaBus
import SagaStore

/// A process whose cost is counted.
enum BenchProcess: Hashable, Sendable {
    case broker, relay, worker, echo(Int), service(OrderService)

    var name: String {
        switch self {
        case .broker: "broker"
        case .relay: "relay"
        case .worker: "worker"
        case .echo(let number): "echo-\(number)"
        case .service(let service): service.rawValue
        }
    }
}

/// A broker and everything that runs beside it while systems are measured.
final class BenchSite: @unchecked Sendable {
    // Used by the one task of the command.
    private let directory: String
    private let dataDirectory: String
    private let settings: Settings
    private let broker: PrivateBroker
    private var children: [BenchProcess: ChildProcess] = [:]
    private var driver: BenchDriver?
    private var turns = 0

    struct Settings {
        var queueKind = QueueKindArgument.classic
        var keys = BenchKeys.ordered
        /// What the keys of this run begin with: a file that is kept knows those of others.
        var run = String(UInt32.random(in: .min ... .max), radix: 36)
        /// Where the worker's file is, if not beside the others.
        var dataDirectory: String?
    }

    init(directory: String, _ settings: Settings) throws {
        self.directory = directory
        self.settings = settings
        dataDirectory = settings.dataDirectory ?? directory + "/data"
        try FileManager.default.createDirectory(
            atPath: directory + "/sagas", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        for (name, source) in BenchDefinitions.files {
            try Data(source.utf8).write(to: URL(fileURLWithPath: "\(directory)/sagas/\(name)"))
        }
        try Data(BenchDefinitions.stock.utf8).write(to: URL(fileURLWithPath: directory + "/stock.jsonl"))
        broker = try PrivateBroker(directory: directory + "/broker")
    }

    /// - Parameter absent: what is launched later.
    func start(_ systems: [BenchSystem], without absent: BenchProcess? = nil) async throws {
        try await broker.start()
        for process in Set(systems.flatMap { [$0.orchestrator] + $0.participants }).sorted(by: { $0.name < $1.name })
        where process != absent {
            try launch(process)
        }
        let driver = try BenchDriver(url: broker.url, queueKind: settings.queueKind, keys: settings.keys)
        self.driver = driver
        // All of them run once before anything counts.
        for system in systems where absent.map({ system.participants.contains($0) }) != true {
            _ = try await measure(system, .inFlight(16), seconds: 1)
        }
    }

    func launch(_ process: BenchProcess) throws {
        let arguments =
            switch process {
            case .broker: [String]()
            case .relay: ["bench-part", "relay"]
            case .worker: ["worker", "--sagas", directory + "/sagas", "--in-flight", "1000000"]
            case .echo(let number): ["bench-part", "echo", "echo-\(number)"]
            case .service(.inventory): ["service", "inventory", "--stock", directory + "/stock.jsonl"]
            case .service(let service): ["service", service.rawValue]
            }
        var environment = ProcessInfo.processInfo.environment
        environment["SKALD_BROKER_URL"] = broker.url
        environment["SKALD_DATA_DIR"] = dataDirectory
        children[process] = try ChildProcess(
            Self.executable, arguments + ["--queue-type", settings.queueKind.rawValue], environment: environment,
            log: "\(directory)/\(process.name).log")
    }

    static var executable: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    /// - Parameters:
    ///   - load: what is done: sagas in flight, or a rate.
    ///   - asked: what was asked for, where that is something else.
    func measure(
        _ system: BenchSystem, _ load: BenchLoad, asked: BenchLoad? = nil, seconds: Double
    ) async throws -> BenchMeasurement {
        turns += 1
        var pids: [BenchProcess: pid_t] = [:]
        for process in [.broker, system.orchestrator] + system.participants { pids[process] = try pid(of: process) }
        let turn = try await running().run(
            system, keys: "\(settings.run)t\(turns)", load: load, seconds: seconds
        ) {
            [database, pids] in SiteReading(pids: pids, database: database)
        }
        try refuseEnded()
        return BenchMeasurement(system: system, load: asked ?? load, turn: turn)
    }

    var database: String { dataDirectory + "/skald.sqlite" }

    func running() throws -> BenchDriver {
        guard let driver else { preconditionFailure("the site has been started") }
        return driver
    }

    func refuseEnded() throws {
        for (process, child) in children where child.end != nil {
            throw CommandFailure(.refused, "\(process.name) has ended; log: \(directory)/\(process.name).log")
        }
    }

    func reading(of process: BenchProcess) throws -> ProcessReading { ProcessReading(pid: try pid(of: process)) }

    // MARK: The worker's start

    /// Stops the worker in order and starts it again, so often: the seconds until it takes messages, each time.
    func restartWorker(_ times: Int) async throws -> [Double] {
        var seconds: [Double] = []
        for _ in 0..<times {
            try await stopWorker()
            let begun = ContinuousClock.now
            try launch(.worker)
            let log = "\(directory)/\(BenchProcess.worker.name).log"
            while try SagaStoreReader(path: database).read({ try $0.fact(StoreFact.isOpen) }) != "yes" {
                try refuseEnded()
                guard begun.duration(to: .now) < .seconds(600) else {
                    throw CommandFailure(.refused, "the worker does not start; log: \(log)")
                }
                try await Task.sleep(for: .milliseconds(2))
            }
            seconds.append(begun.duration(to: .now) / .seconds(1))
        }
        return seconds
    }

    func stopWorker() async throws {
        guard let worker = children.removeValue(forKey: .worker) else { return }
        worker.signal(SIGTERM)
        guard await worker.end(within: .seconds(60)) == .exited(0) else {
            throw CommandFailure(
                .refused, "the worker does not stop; log: \(directory)/\(BenchProcess.worker.name).log")
        }
    }

    private func pid(of process: BenchProcess) throws -> pid_t {
        if process == .broker, let pid = broker.machinePID { return pid }
        guard let child = children[process] else { throw CommandFailure(.refused, "\(process.name) does not run") }
        return child.pid
    }

    /// Everything is killed, also what other sites have started.
    func end() {
        driver?.close()
        ChildProcess.killAll()
    }
}
