import Foundation
import OrderServices
import SagaCore
import SagaStore
import Testing

/// A broker, a worker and the three order services as processes of their own, on files of a temporary directory.
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
    private let port = Int.random(in: 20_000...31_000)
    private let script: String
    private var processes: [Part: Process] = [:]

    init() throws {
        script = try #require(Self.brokerScript)
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

    private static var repository: String {
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
        processes[part] = try launch(words + arguments, log: part.rawValue, environment: environment)
    }

    /// Waits until it has ended by itself; its exit code, or -1 after a signal.
    func waitForEnd(of part: Part) throws -> Int32 {
        guard let process = processes.removeValue(forKey: part) else { throw Failure("\(part) does not run") }
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : -1
    }

    /// Writes beyond this fail from now on, until it is "unlimited".
    func limitFileSize(of part: Part, to bytes: String) throws {
        guard let process = processes[part] else { throw Failure("\(part) does not run") }
        let status = system("prlimit --pid \(process.processIdentifier) --fsize=\(bytes):unlimited")
        guard status == 0 else { throw Failure("prlimit: \(status)") }
    }

    /// Kills -9 and waits until it is gone.
    func kill(_ part: Part) throws {
        if part == .broker { return try broker("kill") }
        guard let process = processes.removeValue(forKey: part) else { throw Failure("\(part) does not run") }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// It stands still until ``thaw(_:)``.
    func freeze(_ part: Part) throws { try signal(SIGSTOP, part) }
    func thaw(_ part: Part) throws { try signal(SIGCONT, part) }

    private func signal(_ number: Int32, _ part: Part) throws {
        guard let process = processes[part] else { throw Failure("\(part) does not run") }
        Foundation.kill(process.processIdentifier, number)
    }

    /// SIGTERM to all processes; their exit codes.
    func stop() -> [Part: Int32] {
        for process in processes.values { process.terminate() }
        var codes: [Part: Int32] = [:]
        for (part, process) in processes {
            process.waitUntilExit()
            codes[part] = process.terminationStatus
        }
        processes = [:]
        return codes
    }

    func tearDown() {
        for process in processes.values {
            Foundation.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        try? broker("stop", "--purge")
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Runs rabbitmqctl.
    func control(_ arguments: String) throws { try broker("ctl", "-- " + arguments) }

    /// Not through `Process`: it waits for the broker too, which has inherited its descriptors.
    private func broker(_ verb: String, _ rest: String = "") throws {
        let log = directory + "/broker.log"
        let status = system("'\(script)' \(verb) --port \(port) --dir '\(directory)/broker' \(rest) >'\(log)' 2>&1")
        guard status == 0 else {
            throw Failure(
                "broker \(verb): \((try? String(contentsOfFile: log, encoding: .utf8)) ?? "status \(status)")")
        }
    }

    // MARK: The tool

    /// Runs one command to its end: exit code and what it printed.
    func run(_ arguments: [String]) throws -> (code: Int32, output: String) {
        let file = directory + "/output-\(UUID().uuidString)"
        let process = try launch(arguments, log: nil, output: file)
        process.waitUntilExit()
        return (process.terminationStatus, try String(contentsOfFile: file, encoding: .utf8))
    }

    /// Starts one command, to be ended by whoever called.
    func begin(_ arguments: [String]) throws -> Process { try launch(arguments, log: "tool") }

    private func launch(
        _ arguments: [String], log: String?, output: String? = nil, environment: [String: String] = [:]
    ) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.executable)
        process.arguments = arguments
        process.environment = [
            "SKALD_BROKER_URL": brokerURL, "SKALD_DATA_DIR": dataDirectory, "HOME": directory, "PATH": "/usr/bin:/bin",
        ].merging(environment) { $1 }
        let path = output ?? directory + "/\(log ?? "tool").log"
        if !FileManager.default.fileExists(atPath: path) {
            try #require(FileManager.default.createFile(atPath: path, contents: nil))
        }
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        return process
    }

    func log(of part: Part) -> String {
        (try? String(contentsOfFile: "\(directory)/\(part.rawValue).log", encoding: .utf8)) ?? ""
    }

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
