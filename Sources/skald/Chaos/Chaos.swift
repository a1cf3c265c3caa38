import ArgumentParser
import Dispatch
import Foundation
import Glibc
import SagaCore
import SagaYAML

struct Chaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hurt a whole system of real processes while orders run, then prove that nothing was lost.",
        discussion: """
            Starts a RabbitMQ of its own (rabbitmq-server must be installed), a worker and the three order services, \
            places orders steadily, and kills, freezes, cuts off and starves all of them by a plan that the seed fixes. \
            In the end everything is started again, comes to rest, and I1 to I7 are checked in all files and queues. \
            Ends with 1 if anything is wrong, with the histories of the sagas concerned.

            A scenario is a YAML file: seed, duration or orders, rate, and under faults the mean time between two of \
            each kind. sagas/scenarios/chaos.yaml is what happens without one. The files go with the run, unless \
            --data-dir or --keep says otherwise; they stay where something is wrong.

            Examples:
              skald chaos --duration 10m --seed 7
              skald chaos --orders 1000 --html chaos.html
              skald chaos --scenario sagas/scenarios/network.yaml --json
              skald chaos --seed 7 --plan
            """)

    @Option(help: "How long orders are placed and hurt, like 90s or 10m (default 10m).", transform: spanOfTime)
    var duration: Int64?
    @Option(help: "Place this many orders instead.") var orders: Int?
    @Option(help: "Orders a second (default 25).") var rate: Int?
    @Option(help: "The same seed makes the same orders and the same plan of faults (default 1).") var seed: UInt64?
    @Option(help: ArgumentHelp("What to do how often, as a YAML file.", valueName: "file")) var scenario: String?
    @Option(
        help: ArgumentHelp("Other definitions than the program's own place-order and cancel-order.", valueName: "dir"))
    var sagas: String?
    @Option(
        name: .customLong("data-dir"),
        help: ArgumentHelp("An empty directory for all files, which stay there.", valueName: "dir"))
    var directory: String?
    @Flag(help: "Keep the files of the run.") var keep = false
    @Option(
        name: .customLong("rest-within"), help: "How long everything may take to come to rest.", transform: spanOfTime)
    var patience: Int64 = 600_000
    @Flag(help: "Print the plan of faults, in seconds from the beginning, and do nothing.") var plan = false
    @Option(help: ArgumentHelp("Write the report as one HTML page too.", valueName: "file")) var html: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if duration != nil, orders != nil { throw ValidationError("either --duration or --orders") }
        if let orders, !(1...Int(ChaosScenario.mostOrders)).contains(orders) {
            throw ValidationError("--orders must be 1 to \(ChaosScenario.mostOrders)")
        }
        if let rate, !ChaosScenario.orderRates.contains(Int64(rate)) {
            throw ValidationError("--rate must be 1 to \(ChaosScenario.orderRates.upperBound)")
        }
        if directory == "" { throw ValidationError("--data-dir is empty; leave it out for a temporary one") }
    }

    func run() async throws {
        try await reportingFailures {
            let scenario = try readScenario()
            if plan {
                for line in scenario.plan.lines(until: scenario.expectedMilliseconds) {
                    Terminal.standardOutput.line(line)
                }
                return
            }
            try PrivateBroker.requireInstalled()
            let work = try ChaosDirectory(directory)
            let settings = ChaosRun.Settings(
                scenario: scenario, directory: work.path, sagas: sagas.map { URL(fileURLWithPath: $0).path },
                patience: .milliseconds(patience))
            let report = try await run(settings, work)
            try show(report)
            work.finish(keeps: keep || !report.violations.isEmpty)
            if !report.violations.isEmpty { throw ExitCode(CommandFailure.Kind.refused.rawValue) }
        }
    }

    private func run(_ settings: ChaosRun.Settings, _ work: ChaosDirectory) async throws -> ChaosReport {
        let run = try ChaosRun(settings)
        let isInterrupted = Signal()
        let signals = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                isInterrupted.set()
                run.tearDown()
                work.finish(keeps: keep)
                _exit(128 + number)
            }
            source.resume()
            return source
        }
        defer {
            for source in signals { source.cancel() }
            run.tearDown()
        }
        do {
            return try await run.run()
        } catch {
            // What was killed under its feet is no failure of the run; whoever interrupted it ends the program.
            while isInterrupted.isSet { try await Task.sleep(for: .seconds(1)) }
            Terminal.standardError.line("the files of the run are in \(work.path)")
            throw error
        }
    }

    private func readScenario() throws -> ChaosScenario {
        var found = ChaosScenario()
        if let scenario {
            found = try readingSettings(of: scenario) { try ChaosScenario($0) }
        }
        if let seed { found.seed = seed }
        if let rate { found.rate = rate }
        if let duration {
            found.milliseconds = duration
            found.orders = nil
        }
        if let orders { found.orders = orders }
        return found
    }

    private func show(_ report: ChaosReport) throws {
        let out = Terminal.standardOutput
        if output.isJSON {
            out.prettyJSON(report.json)
        } else {
            for line in report.lines(paint: out.paint) { out.line(line) }
        }
        guard let html else { return }
        do {
            try report.html.write(toFile: html, atomically: true, encoding: .utf8)
        } catch {
            throw CommandFailure(.refused, "cannot write \(html.escapedForTerminal)")
        }
    }
}

/// A span of time from the command line, in milliseconds.
@Sendable private func spanOfTime(_ text: String) throws -> Int64 {
    guard let milliseconds = DurationText.parse(text), milliseconds > 0 else {
        throw ValidationError("a duration is like 90s or 10m")
    }
    return milliseconds
}

/// Where a run keeps its files.
struct ChaosDirectory: Sendable {
    let path: String
    private let isNamed: Bool

    init(_ name: String?) throws {
        isNamed = name != nil
        path =
            name.map { URL(fileURLWithPath: $0).path } ?? NSTemporaryDirectory()
            + "skald-chaos-\(UUID().uuidString.prefix(8))"
        let files = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        guard files.isEmpty else {
            throw CommandFailure(.refused, "\(path.escapedForTerminal) is not empty; name another with --data-dir")
        }
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    func finish(keeps: Bool) {
        if keeps || isNamed {
            Terminal.standardError.line("the files of the run are in \(path)")
        } else {
            try? FileManager.default.removeItem(atPath: path)
        }
    }
}
