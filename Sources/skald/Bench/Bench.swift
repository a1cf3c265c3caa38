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

            Latency at a steady rate: --load or --rate beside --in-flight, from when each saga was due to begin:
              skald bench --system bare,worker --in-flight 64,1024 --load 0.5

            A large file: the worker on one with so many finished sagas takes turns with the worker on an empty one, \
            each with a broker of its own. Ten million take 15 GB and some minutes to make; --filled keeps them.
              skald bench --system worker --in-flight 64,1024 \\
                --finished 10000000 --filled /var/tmp/skald-filled

            Memory: how much the worker takes with so many sagas open at a time, idle and under load.
              skald bench --open 100000

            Instructions a saga, counted by valgrind: they do not depend on what else the machine does.
              skald bench --instructions

            Examples:
              skald bench
              skald bench --in-flight 64,1024 --rounds 5
              skald bench --system bare,worker --in-flight 1024 --json
              skald bench --queue-type quorum --svg bench.svg
            """)

    @Option(help: ArgumentHelp("Sagas under way at a time, one or more numbers.", valueName: "n,n…"))
    var inFlight: String?
    @Option(help: ArgumentHelp("Also begin sagas at these shares of the most just measured.", valueName: "share,…"))
    var load: String?
    @Option(help: ArgumentHelp("Also begin so many sagas each second.", valueName: "n,n…")) var rate: String?
    @Option(help: ArgumentHelp("Which of them: bare, worker, services, refused.", valueName: "name,name…"))
    var system = "bare,worker,services,refused"
    @Option(help: "Rounds; in each every system has its turn.") var rounds = 3
    @Option(help: "Measured seconds of each turn.") var seconds = 5.0
    @Option(name: .customLong("queue-type"), help: "classic or quorum.") var queueKind: QueueKindArgument = .classic
    @Option(help: "Also measure a worker whose file holds so many finished sagas.") var finished: Int?
    @Option(help: ArgumentHelp("Keep that file in this directory, or take the one there.", valueName: "dir"))
    var filled: String?
    @Option(help: "Business keys: ordered or scattered. Default: ordered; scattered with --finished.")
    var keys: BenchKeys?
    @Option(help: "Measure memory instead, with so many sagas open.") var open: Int?
    @Flag(help: "Count instructions instead.") var instructions = false
    @Option(help: ArgumentHelp("Draw the throughput into this file.", valueName: "file")) var svg: String?
    @Option(help: ArgumentHelp("Keep databases and logs in this directory.", valueName: "dir")) var dir: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try plan()
        guard seconds > 0 else { throw ValidationError("--seconds is more than 0") }
        for (name, count) in [("--finished", finished), ("--open", open)] {
            if let count, !(1...100_000_000).contains(count) {
                throw ValidationError("\(name) wants a number from 1 to 100000000")
            }
        }
        if filled != nil, finished == nil { throw ValidationError("--filled says where --finished keeps its file") }
        if [open != nil, instructions, finished != nil].count(where: { $0 }) > 1 {
            throw ValidationError("--open, --instructions and --finished are measured one at a time")
        }
    }

    func plan() throws -> BenchPlan {
        try BenchPlan(
            systems: system, inFlight: inFlight ?? (rate == nil ? "1,64,1024,4096" : ""), loads: load, rates: rate,
            rounds: rounds, finished: finished != nil)
    }

    func run() async throws {
        try await reportingFailures {
            let directory = dir ?? FileManager.default.temporaryDirectory.path + "/skald-bench-\(getpid())"
            defer { if dir == nil { try? FileManager.default.removeItem(atPath: directory) } }
            var settings = BenchSite.Settings()
            settings.queueKind = queueKind
            settings.keys = keys ?? (finished == nil ? .ordered : .scattered)
            if instructions {
                try await InstructionCount(directory: directory).run().show(asJSON: output.isJSON)
            } else if let open {
                let measured = OpenSagasBench(
                    count: open, window: inFlight == nil ? 64 : try plan().loads.first?.window ?? 64,
                    seconds: seconds)
                try await measured.run(in: directory, settings).show(asJSON: output.isJSON)
            } else {
                try await measureTurns(in: directory, settings)
            }
        }
    }

    private func measureTurns(in directory: String, _ settings: BenchSite.Settings) async throws {
        let plan = try plan()
        let site = try BenchSite(directory: directory, settings)
        defer { site.end() }
        var second: BenchSite?
        defer { second?.end() }
        try await site.start(plan.systems.filter { $0 != .filled })
        if let finished {
            var settings = settings
            settings.dataDirectory = filled ?? directory + "/filled/data"
            try FilledFile.prepare(settings.dataDirectory ?? "", count: finished)
            let filled = try BenchSite(directory: directory + "/filled", settings)
            second = filled
            try await filled.start([.filled])
        }
        var measured: [BenchMeasurement] = []
        var progress = ProgressBar("turns", of: plan.turns.count)
        for turn in plan.turns {
            let site = turn.system == .filled ? second ?? site : site
            let load = BenchPlan.load(of: turn, after: measured)
            measured.append(try await site.measure(turn.system, load, asked: turn.load, seconds: seconds))
            progress.show(measured.count)
        }
        progress.clear()
        var report = BenchReport(measured, queueKind: queueKind, seconds: seconds)
        if let second, let finished {
            report.filled = BenchReport.Filled(
                sagas: finished, bytes: FileSize.of(second.database), emptyStarts: try await site.restartWorker(5),
                filledStarts: try await second.restartWorker(5))
            try await second.stopWorker()
        }
        report.show(asJSON: output.isJSON)
        if let svg { try report.draw(into: svg) }
    }
}

extension BenchKeys: ExpressibleByArgument {}

enum FileSize {
    static func of(_ path: String) -> Int64 {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    }
}
