import Foundation
import Glibc
import RabbitMQBus
import SagaBus
import Synchronization

/// A RabbitMQ of our own on 127.0.0.1, apart from any other on this machine.
final class PrivateBroker: Sendable {
    private static let programs = "/usr/lib/rabbitmq/bin"
    private static let server = programs + "/rabbitmq-server"
    private static let patience = Duration.seconds(180)

    let port: Int
    private let directory: String
    private let process = Mutex<ChildProcess?>(nil)
    private let portMapper = Mutex<ChildProcess?>(nil)

    var url: String { "amqp://guest:guest@127.0.0.1:\(port)/" }
    var log: String { directory + "/console.log" }

    static func requireInstalled() throws {
        guard access(server, X_OK) == 0 else {
            throw CommandFailure(
                .unavailable, "RabbitMQ is not installed: no \(server); apt-get install rabbitmq-server")
        }
    }

    init(directory: String) throws {
        try Self.requireInstalled()
        self.directory = directory
        port = try Self.freePort()
        for name in ["", "/home", "/data", "/log"] {
            try FileManager.default.createDirectory(
                atPath: directory + name, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        try write(
            String((0..<32).map { _ in "abcdefghijklmnop".randomElement() ?? "a" }), "/home/.erlang.cookie", 0o400)
        try write("", "/environment", 0o600)
        try write("[].", "/enabled_plugins", 0o600)
        try write("disk_free_limit.absolute = 50MB\n", "/rabbitmq.conf", 0o600)
    }

    private func write(_ text: String, _ name: String, _ mode: Int) throws {
        let path = directory + name
        if FileManager.default.fileExists(atPath: path) { return }
        guard
            FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: mode])
        else { throw CommandFailure(.refused, "cannot write \(path)") }
    }

    /// The broker, Erlang's own port and epmd's follow one another, below the range the system hands out itself.
    static func freePort() throws -> Int {
        for _ in 0..<50 {
            let port = Int.random(in: 20_000...32_000)
            if (port...port + 2).allSatisfy({ LocalSocket.isFree(port: $0) }) { return port }
        }
        throw CommandFailure(.unavailable, "no free ports for a broker between 20000 and 32000")
    }

    private var environment: [String: String] {
        [
            "HOME": directory + "/home", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": "skald-chaos-\(port)@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": "\(port)", "RABBITMQ_DIST_PORT": "\(port + 1)", "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": "\(port + 2)", "RABBITMQ_MNESIA_BASE": directory + "/data",
            "RABBITMQ_LOG_BASE": directory + "/log", "RABBITMQ_PID_FILE": directory + "/rabbitmq.pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": directory + "/enabled_plugins",
            "RABBITMQ_CONFIG_FILE": directory + "/rabbitmq.conf",
            "RABBITMQ_CONF_ENV_FILE": directory + "/environment",
            // Schedulers that spin while they wait take the processor from what is under test.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none",
        ]
    }

    // MARK: Life

    /// Returns when it speaks AMQP.
    func start() async throws {
        let deadline = ContinuousClock.now + Self.patience
        try await startPortMapper()
        var attempt = try launch()
        while !LocalSocket.speaksAMQP(port: port) {
            guard ContinuousClock.now < deadline else {
                throw CommandFailure(.unavailable, "the broker does not answer on port \(port); log: \(log)")
            }
            if attempt.end != nil {
                // epmd may not have noticed yet that the last one is gone, and refuses its name.
                try await Task.sleep(for: .milliseconds(500))
                attempt = try launch()
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Erlang would start one that outlives the broker, and us.
    private func startPortMapper() async throws {
        let port = port + 2
        if portMapper.withLock({ $0.map { $0.end == nil } ?? false }) { return }
        let child = try ChildProcess(
            "/usr/bin/epmd", ["-port", "\(port)", "-address", "127.0.0.1"], environment: environment,
            log: directory + "/epmd.log")
        portMapper.withLock { $0 = child }
        while LocalSocket.isFree(port: port), child.end == nil { try await Task.sleep(for: .milliseconds(5)) }
    }

    private func launch() throws -> ChildProcess {
        let child = try ChildProcess(Self.server, [], environment: environment, log: log)
        process.withLock { $0 = child }
        return child
    }

    /// As kill -9 does; what it has on disk stays.
    func kill() async {
        guard let child = process.withLock({ $0.take() }) else { return }
        let machine = Self.machine(below: child.pid)
        await child.killNow()
        await Self.waitUntilGone(machine)
    }

    /// In order: what it has is written.
    func stop() async {
        guard let child = process.withLock({ $0.take() }) else { return }
        let machine = Self.machine(below: child.pid)
        Glibc.kill(machine ?? child.pid, SIGTERM)
        if await child.end(within: .seconds(30)) == nil { await child.killNow() }
        await Self.waitUntilGone(machine)
    }

    /// It has ended without being told to.
    var hasEndedByItself: Bool { process.withLock { $0?.end != nil } }

    /// The process that does the work; nil when there is none.
    var machinePID: pid_t? { process.withLock { $0?.pid }.flatMap(Self.machine) }

    /// The Erlang machine, a child of the script that leads the group.
    private static func machine(below pid: pid_t) -> pid_t? {
        func children(_ pid: pid_t) -> [pid_t] {
            let text = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
            return text.split(separator: " ").compactMap { pid_t($0) }
        }
        return children(pid).first {
            (try? String(contentsOfFile: "/proc/\($0)/comm", encoding: .utf8))?.hasPrefix("beam") == true
        }
    }

    private static func waitUntilGone(_ pid: pid_t?) async {
        guard let pid else { return }
        for _ in 0..<2000 {
            let status = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
            if status.isEmpty || status.contains(") Z ") { return }
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    // MARK: What it is asked

    /// Blocks everybody who publishes for this long. The broker itself ends it, also when this machine has no time for
    /// another rabbitmqctl.
    func raiseMemoryAlarm(milliseconds: Int64) async -> Bool {
        let set = "vm_memory_monitor:set_vm_memory_high_watermark"
        return await control([
            "eval",
            "spawn(fun() -> \(set)(0.0000001), timer:sleep(\(milliseconds)), \(set)(0.4) end).",
        ]) != nil
    }

    func delete(queue: String) async -> Bool { await control(["delete_queue", queue]) != nil }

    /// Every queue that holds a message, handed out or not; nil when it does not answer.
    func queuesWithMessages() async -> [String: Int]? {
        guard let text = await control(["--silent", "list_queues", "name", "messages"]) else { return nil }
        var queues: [String: Int] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "\t")
            guard fields.count == 2, let count = Int(fields[1]), count > 0 else { continue }
            queues[String(fields[0])] = count
        }
        return queues
    }

    private let controls = Mutex(0)

    /// What rabbitmqctl printed; nil where it failed.
    private func control(_ arguments: [String]) async -> String? {
        let number = controls.withLock { count in
            count += 1
            return count
        }
        let output = directory + "/control-\(number).log"
        defer { try? FileManager.default.removeItem(atPath: output) }
        guard
            let child = try? ChildProcess(
                Self.programs + "/rabbitmqctl", arguments, environment: environment, log: output)
        else { return nil }
        guard let end = await child.end(within: .seconds(60)) else {
            await child.killNow()
            return nil
        }
        guard end == .exited(0) else { return nil }
        return try? String(contentsOfFile: output, encoding: .utf8)
    }
}
