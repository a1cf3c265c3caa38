import Foundation
import Glibc
import SagaCore

/// The worker or a service: started, hurt by plan, and started again whenever it has ended, as a service manager would.
actor SupervisedProcess {
    let target: FaultTarget
    private let executable: String
    private let arguments: [String]
    private let environment: [String: String]
    private let directory: String
    private let journal: ChaosJournal
    private var child: ChildProcess?
    /// The crash point it was started with.
    private var armed: String?
    private var pause = SupervisedProcess.shortestPause

    private static let shortestPause = Duration.milliseconds(100)
    private static let longestPause = Duration.seconds(2)

    init(
        _ target: FaultTarget, executable: String, arguments: [String], environment: [String: String],
        directory: String, journal: ChaosJournal
    ) {
        self.target = target
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.journal = journal
    }

    nonisolated var log: String { "\(directory)/\(target.rawValue).log" }

    func start(crashAt point: String? = nil) throws {
        var environment = self.environment
        environment[CrashAt.variable] = point
        child = try ChildProcess(executable, arguments, environment: environment, log: log)
        armed = point
    }

    /// Hurts it by plan until `end` is set; leaves it whole and running.
    func run(_ faults: [PlannedFault], until end: Signal) async throws {
        var faults = faults[...]
        while !end.isSet {
            if let fault = faults.first, fault.at <= journal.now {
                faults.removeFirst()
                try await perform(fault)
            } else {
                try await revive()
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        if armed != nil { await child?.killNow() }
        if child?.end != nil { try start() }
    }

    /// Starts it again when it has ended by itself.
    func revive() async throws {
        guard let child, let end = child.end else {
            pause = Self.shortestPause
            return
        }
        if let point = armed, end == .killed(signal: SIGKILL) {
            try await journal.enter(.crashPoint, target) {
                try await Task.sleep(for: Self.shortestPause)
                try start()
                return ("died at \(point)", 1)
            }
            return
        }
        if case .killed(let signal) = end {
            journal.report(
                ChaosJournal.Violation(
                    rule: "F28",
                    text: "\(target.rawValue) crashed by itself with signal \(signal): \(lastLine(of: log))"))
        } else {
            journal.note("\(target.rawValue) ended by itself, \(end): \(lastLine(of: log))")
        }
        try await Task.sleep(for: pause)
        pause = min(pause * 2, Self.longestPause)
        try start()
    }

    /// SIGTERM, and what it ended with.
    func stop() async -> ChildProcess.End? {
        guard let child else { return nil }
        child.signal(SIGTERM)
        if let end = await child.end(within: .seconds(30)) { return end }
        await child.killNow()
        return nil
    }

    // MARK: Faults

    private func perform(_ fault: PlannedFault) async throws {
        try await journal.enter(fault.kind, target) {
            switch fault.kind {
            case .killWorker, .killInventory, .killPayment, .killLedger: return try await kill(fault)
            case .crashPoint: return try await arm(fault)
            case .restart: return try await restart(fault)
            case .freeze:
                child?.signal(SIGSTOP)
                try await Task.sleep(for: .milliseconds(fault.lasting))
                child?.signal(SIGCONT)
                return ("", 0)
            case .diskFull:
                child?.limitFileSize(64 << 10)
                try await Task.sleep(for: .milliseconds(fault.lasting))
                child?.limitFileSize(nil)
                return ("", 0)
            case .secondWorker: return (try await startSecond(), 0)
            case .killBroker, .restartBroker, .memoryAlarm, .deleteQueue, .delay, .blackhole, .halfClose, .reset:
                preconditionFailure("\(fault.kind) is not done to a process")
            }
        }
    }

    private func kill(_ fault: PlannedFault) async throws -> (String, Int) {
        let wasRunning = child?.end == nil
        await child?.killNow()
        try await Task.sleep(for: .milliseconds(fault.lasting))
        try start()
        return ("", wasRunning ? 1 : 0)
    }

    private func arm(_ fault: PlannedFault) async throws -> (String, Int) {
        let wasRunning = child?.end == nil
        let point = CrashPlace.draw(fault)
        await child?.killNow()
        try await Task.sleep(for: .milliseconds(fault.lasting))
        try start(crashAt: point)
        return ("armed \(point)", wasRunning ? 1 : 0)
    }

    private func restart(_ fault: PlannedFault) async throws -> (String, Int) {
        let began = ContinuousClock.now
        let end = await stop()
        let took = began.duration(to: .now)
        if end == nil {
            journal.report(
                ChaosJournal.Violation(
                    rule: "F28", text: "\(target.rawValue) did not end within 30 s of SIGTERM"))
        } else if end != .exited(0) {
            journal.note("\(target.rawValue) ended with \(end.map { "\($0)" } ?? "") on SIGTERM: \(lastLine(of: log))")
        } else if took > .seconds(10) {
            journal.note("\(target.rawValue) took \(took.seconds.rounded()) s to end on SIGTERM")
        }
        try await Task.sleep(for: .milliseconds(fault.lasting))
        try start()
        return ("", 0)
    }

    /// F23: it must refuse and name the first.
    private func startSecond() async throws -> String {
        guard let first = child, await holdsFile(first) else { return "left out: the worker was not up" }
        let output = directory + "/second-worker.log"
        try? FileManager.default.removeItem(atPath: output)
        let second = try ChildProcess(executable, arguments, environment: environment, log: output)
        let end = await second.end(within: .seconds(20))
        if end == nil { await second.killNow() }
        // One that died meanwhile, at a crash point, has left the file to the second.
        guard first.end == nil else { return "left out: the worker died meanwhile" }
        let said = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        if case .exited(let code)? = end, code != 0, said.contains("pid \(first.pid) ") { return "refused" }
        let what = end.map { "ended with \($0) and said: \(lastLine(of: output))" } ?? "ran"
        journal.report(
            ChaosJournal.Violation(rule: "F23", text: "a second worker beside pid \(first.pid) \(what)"))
        return what
    }

    private func holdsFile(_ process: ChildProcess) async -> Bool {
        for _ in 0..<300 {
            let owner = try? String(contentsOfFile: directory + "/skald.sqlite.lock", encoding: .utf8)
            if owner?.hasPrefix("pid \(process.pid) ") == true { return true }
            if process.end != nil { return false }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    private nonisolated func lastLine(of file: String) -> String {
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        return String(text.split(separator: "\n").last ?? "it said nothing").shown(upTo: 300)
    }
}

/// Where a process is to kill itself: `<point>:<n>`, the n-th time it comes there.
enum CrashPlace {
    static func draw(_ fault: PlannedFault) -> String {
        let points = CrashPoint.allCases.filter { point in
            switch point {
            case .workerBeforeCommit, .workerAfterCommit, .workerAfterAcknowledging, .workerAfterPublishing,
                .workerAfterConfirm:
                fault.target == .worker
            case .participantBeforeCommit, .participantAfterCommit, .participantAfterPublishing,
                .participantAfterConfirm:
                fault.target != .worker
            case .participantBeforeCall, .participantAfterCall: fault.target == .payment
            }
        }
        return "\(fault.pick(points).rawValue):\(fault.detail >> 32 % 60 + 1)"
    }
}
