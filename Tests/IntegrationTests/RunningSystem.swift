import Foundation
import OrderServices
import SagaCore
import SagaStore
import Testing

@testable import skald

/// A broker, a worker and the three order services as processes of their own, on files of a temporary directory. They do
/// not outlive the tests, however those end.
final class RunningSystem {
    enum Part: String, CaseIterable {
        case broker, worker, inventory, payment, ledger
    }
    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    static let brokerScript = ProcessInfo.processInfo.environment["SKALD_TEST_BROKER_CONTROL"]
    static let missing: Comment = "set SKALD_TEST_BROKER_CONTROL to the path of scripts/broker"

    let directory: String
    /// Where the databases are; ``directory`` unless a test has another place for them.
    var dataDirectory: String
    private let port: Int
    private let script: String
    private var processes: [Part: ChildProcess] = [:]

    init() throws {
        script = try #require(Self.brokerScript)
        port = try PrivateBroker.freePort()
        directory = NSTemporaryDirectory() + "skald-system-\(UUID().uuidString)"
        dataDirectory = directory
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    var brokerURL: String { "amqp://guest:guest@127.0.0.1:\(port)/" }

    /// The command-line tool of this build.
    private static var executable: String {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/skald"
    }

    static var repository: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
    }

    // MARK: Parts

    func start(_ part: Part, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        var words = ["service", part.rawValue]
        switch part {
        case .broker: return try broker("start")
        case .worker: words = ["worker", "--sagas", Self.repository + "/sagas"]
        case .inventory, .payment, .ledger: break
        }
        processes[part] = try launch(words + arguments, log: logFile(of: part), environment: environment)
    }

    /// Waits until it has ended by itself; its exit code, or -1 after a signal.
    func waitForEnd(of part: Part) throws -> Int32 {
        let process = try process(of: part)
        processes[part] = nil
        return try Self.waitForEnd(of: process)
    }

    /// - Parameter patience: longer than it takes; only a failing test waits for it.
    static func waitForEnd(of process: ChildProcess, patience: Duration = .seconds(300)) throws -> Int32 {
        let deadline = ContinuousClock.now + patience
        while true {
            switch process.end {
            case .exited(let code): return code
            case .killed: return -1
            case nil: break
            }
            guard ContinuousClock.now < deadline else {
                process.signalGroup(SIGKILL)
                throw Failure("process \(process.pid) does not end")
            }
            usleep(2_000)
        }
    }

    private func process(of part: Part) throws -> ChildProcess {
        guard let process = processes[part] else { throw Failure("\(part) does not run") }
        return process
    }

    /// Writes beyond this many bytes fail from now on; nil lifts that.
    func limitFileSize(of part: Part, to bytes: UInt?) throws { try process(of: part).limitFileSize(bytes) }

    /// Kills -9 and waits until it is gone.
    func kill(_ part: Part) throws {
        if part == .broker { return try broker("kill") }
        try process(of: part).signal(SIGKILL)
        _ = try waitForEnd(of: part)
    }

    /// It stands still until ``thaw(_:)``.
    func freeze(_ part: Part) throws { try process(of: part).signal(SIGSTOP) }
    func thaw(_ part: Part) throws { try process(of: part).signal(SIGCONT) }

    /// SIGTERM to all processes; their exit codes.
    func stop() throws -> [Part: Int32] {
        for process in processes.values { process.signal(SIGTERM) }
        return try [Part: Int32](uniqueKeysWithValues: processes.keys.map { ($0, try waitForEnd(of: $0)) })
    }

    func tearDown() {
        for process in processes.values { process.signalGroup(SIGKILL) }
        for process in processes.values { _ = try? Self.waitForEnd(of: process) }
        try? broker("stop", "--purge")
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Runs rabbitmqctl.
    func control(_ arguments: String) throws { try broker("ctl", "-- " + arguments) }

    /// - Parameter directory: where the broker is, unless it is the one of this system.
    func broker(_ verb: String, in directory: String? = nil, owner: pid_t = getpid(), _ rest: String = "") throws {
        let log = self.directory + "/broker.log"
        let options = "--port \(port) --dir '\(directory ?? self.directory + "/broker")' --owner \(owner)"
        let status = system("'\(script)' \(verb) \(options) \(rest) >'\(log)' 2>&1")
        guard status == 0 else {
            throw Failure(
                "broker \(verb): \((try? String(contentsOfFile: log, encoding: .utf8)) ?? "status \(status)")")
        }
    }

    // MARK: The tool

    /// Runs one command to its end: exit code and what it printed.
    func run(_ arguments: [String]) throws -> (code: Int32, output: String) {
        let file = directory + "/output-\(UUID().uuidString)"
        let code = try Self.waitForEnd(of: launch(arguments, log: file), patience: .seconds(600))
        return (code, try String(contentsOfFile: file, encoding: .utf8))
    }

    /// Starts one command, to be ended by whoever called.
    func begin(_ arguments: [String]) throws -> ChildProcess {
        try launch(arguments, log: directory + "/tool.log")
    }

    private func launch(
        _ arguments: [String], log: String, environment: [String: String] = [:]
    ) throws -> ChildProcess {
        let ours = [
            "SKALD_BROKER_URL": brokerURL, "SKALD_DATA_DIR": dataDirectory, "HOME": directory, "PATH": "/usr/bin:/bin",
        ]
        return try ChildProcess(
            Self.executable, arguments, environment: ours.merging(environment) { $1 }, log: log)
    }

    func log(of part: Part) -> String {
        (try? String(contentsOfFile: logFile(of: part), encoding: .utf8)) ?? ""
    }

    private func logFile(of part: Part) -> String { "\(directory)/\(part.rawValue).log" }

    // MARK: What there is to see

    func read<Result>(_ body: (StoreView) throws -> Result) throws -> Result {
        try SagaStoreReader(path: dataDirectory + "/skald.sqlite").read(body)
    }

    /// Looks again and again until `condition` holds; the test's time limit ends it otherwise.
    func wait(until condition: (StoreView) throws -> Bool) async throws {
        while try !read(condition) { try await Task.sleep(for: .milliseconds(50)) }
    }

    func audit() throws -> AuditReport {
        try MoneyAndStockAudit(reading: dataDirectory).report(atRest: true)
    }
}
