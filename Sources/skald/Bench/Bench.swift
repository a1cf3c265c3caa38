import ArgumentParser
import Foundation
import RabbitMQBus

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure throughput, latency and cost against what the broker alone carries.",
        discussion: """
            Starts a broker of its own and, as processes beside it, systems that take turns on it, each moving sagas \
            of three steps: eight messages from start to event.
              bare      a relay that remembers nothing, three echoing participants
              worker    the worker, the same participants
              services  the worker, the order services with their databases
              refused   as services, every fifth order refused at its last step
            Bare is what the broker carries. The ratios to it within one run matter; the figures are this machine's.

            Examples:
              skald bench
              skald bench --in-flight 64,1024 --rounds 5
              skald bench --system bare,worker --in-flight 1024 --json
              skald bench --queue-type quorum --svg bench.svg
            """)

    @Option(help: ArgumentHelp("Sagas under way at a time, one or more numbers.", valueName: "n,n…"))
    var inFlight = "1,64,1024,4096"
    @Option(help: ArgumentHelp("Which of them: bare, worker, services, refused.", valueName: "name,name…"))
    var system = "bare,worker,services,refused"
    @Option(help: "Rounds; in each every system has its turn.") var rounds = 3
    @Option(help: "Measured seconds of each turn.") var seconds = 5.0
    @Option(name: .customLong("queue-type"), help: "classic or quorum.") var queueKind: QueueKindArgument = .classic
    @Option(help: ArgumentHelp("Draw the throughput into this file.", valueName: "file")) var svg: String?
    @Option(help: ArgumentHelp("Keep databases and logs in this directory.", valueName: "dir")) var dir: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try windows()
        _ = try systems()
        guard rounds > 0, seconds > 0 else { throw ValidationError("--rounds and --seconds are more than 0") }
    }

    private func windows() throws -> [Int] {
        try inFlight.split(separator: ",").map { text in
            guard let number = Int(text), (1...100_000).contains(number) else {
                throw ValidationError("--in-flight wants numbers from 1 to 100000, separated by commas")
            }
            return number
        }
    }

    private func systems() throws -> [BenchSystem] {
        try system.split(separator: ",").map { text in
            guard let system = BenchSystem(rawValue: String(text)) else {
                throw ValidationError("--system wants some of bare, worker, services, refused, separated by commas")
            }
            return system
        }
    }

    func run() async throws {
        try await reportingFailures {
            let directory = dir ?? FileManager.default.temporaryDirectory.path + "/skald-bench-\(getpid())"
            let site = try BenchSite(directory: directory, queueKind: queueKind)
            defer {
                site.end()
                if dir == nil { try? FileManager.default.removeItem(atPath: directory) }
            }
            let (windows, systems) = (try windows(), try systems())
            try await site.start(systems)
            var measured: [BenchMeasurement] = []
            var progress = ProgressBar("turns", of: rounds * windows.count * systems.count)
            for round in 1...rounds {
                for window in windows {
                    // Each system begins once, so that none always runs on the other's heels.
                    for system in systems.rotated(by: round - 1) {
                        measured.append(try await site.measure(system, window: window, seconds: seconds))
                        progress.show(measured.count)
                    }
                }
            }
            progress.clear()
            let report = BenchReport(measured, queueKind: queueKind, seconds: seconds)
            report.show(asJSON: output.isJSON)
            if let svg { try report.draw(into: svg) }
        }
    }
}

extension Array {
    fileprivate func rotated(by count: Int) -> [Element] {
        guard !isEmpty else { return [] }
        let offset = count % self.count
        return Array(self[offset...] + self[..<offset])
    }
}
