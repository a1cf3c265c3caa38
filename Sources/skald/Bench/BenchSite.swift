import Foundation
import Glibc
import OrderServices
import SagaBus

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
    private let queueKind: QueueKindArgument
    private let broker: PrivateBroker
    private var children: [BenchProcess: ChildProcess] = [:]
    private var driver: BenchDriver?
    private var turns = 0

    init(directory: String, queueKind: QueueKindArgument) throws {
        self.directory = directory
        self.queueKind = queueKind
        try FileManager.default.createDirectory(
            atPath: directory + "/sagas", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        for (name, source) in BenchDefinitions.files {
            try Data(source.utf8).write(to: URL(fileURLWithPath: "\(directory)/sagas/\(name)"))
        }
        try Data(BenchDefinitions.stock.utf8).write(to: URL(fileURLWithPath: directory + "/stock.jsonl"))
        broker = try PrivateBroker(directory: directory + "/broker")
    }

    func start(_ systems: [BenchSystem]) async throws {
        try await broker.start()
        for process in Set(systems.flatMap { [$0.orchestrator] + $0.participants }).sorted(by: { $0.name < $1.name }) {
            try launch(process)
        }
        let driver = try BenchDriver(url: broker.url, queueKind: queueKind)
        self.driver = driver
        // All of them run once before anything counts.
        for system in systems { _ = try await measure(system, window: 16, seconds: 1) }
    }

    private func launch(_ process: BenchProcess) throws {
        let arguments =
            switch process {
            case .broker: [String]()
            case .relay: ["bench-part", "relay"]
            case .worker: ["worker", "--sagas", directory + "/sagas", "--in-flight", "100000"]
            case .echo(let number): ["bench-part", "echo", "echo-\(number)"]
            case .service(.inventory): ["service", "inventory", "--stock", directory + "/stock.jsonl"]
            case .service(let service): ["service", service.rawValue]
            }
        var environment = ProcessInfo.processInfo.environment
        environment["SKALD_BROKER_URL"] = broker.url
        environment["SKALD_DATA_DIR"] = directory + "/data"
        children[process] = try ChildProcess(
            Self.executable, arguments + ["--queue-type", queueKind.rawValue], environment: environment,
            log: "\(directory)/\(process.name).log")
    }

    private static var executable: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    func measure(_ system: BenchSystem, window: Int, seconds: Double) async throws -> BenchMeasurement {
        guard let driver else { preconditionFailure("the site has been started") }
        turns += 1
        var pids: [BenchProcess: pid_t] = [:]
        for process in [.broker, system.orchestrator] + system.participants { pids[process] = try pid(of: process) }
        let turn = try await driver.run(system, keys: "t\(turns)", window: window, seconds: seconds) {
            [directory, pids] in SiteReading(pids: pids, database: directory + "/data/skald.sqlite")
        }
        for (process, child) in children where child.end != nil {
            throw CommandFailure(.refused, "\(process.name) has ended; log: \(directory)/\(process.name).log")
        }
        return BenchMeasurement(system: system, window: window, turn: turn)
    }

    private func pid(of process: BenchProcess) throws -> pid_t {
        if process == .broker, let pid = broker.machinePID { return pid }
        guard let child = children[process] else { throw CommandFailure(.refused, "\(process.name) does not run") }
        return child.pid
    }

    func end() {
        driver?.close()
        ChildProcess.killAll()
    }
}
