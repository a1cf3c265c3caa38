import ArgumentParser
import Foundation
import SagaBus
import SagaCore
import SagaSimulator

struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run orders through everything in virtual time, while all goes wrong that can, and check the books.",
        discussion: """
            Worker, participants and order services are the real ones; clock, network and luck are simulated. A seed \
            decides everything: the same seed does the same, on any machine. A seed that fails is made small and \
            printed as a timeline.

            Examples:
              skald simulate --seeds 1000
              skald simulate --scenario crashes --seeds 100000 --jobs 2
              skald simulate --scenario sagas/scenarios/simulation.yaml
              skald simulate --seed 4711 --trace
              skald simulate --seed 4711 --only lose-message,crash-worker --trace
            """)

    @Option(help: "Run this seed only.") var seed: UInt64?
    @Option(help: "How many seeds.") var seeds: UInt64 = 100
    @Option(help: "The first of them.") var from: UInt64 = 1
    @Option(
        help: ArgumentHelp("everything, crashes, network, operators, calm, or a YAML file.", valueName: "name"))
    var scenario = "everything"
    @Option(help: ArgumentHelp("So many orders instead of what the seed draws.", valueName: "n")) var orders: Int?
    @Option(help: ArgumentHelp("Faults happen for so long, e.g. 30s.", valueName: "duration")) var until: String?
    @Option(help: ArgumentHelp("Only these faults, with commas between.", valueName: "faults")) var only: String?
    @Option(name: .customLong("fault-limit"), help: "Only the first so many faults happen.") var faultLimit: Int?
    @Option(help: "How many seeds at a time (default: all cores).") var jobs: Int?
    @Flag(name: .customLong("keep-going"), help: "Run all seeds, also after one that fails.") var keepsGoing = false
    @Flag(help: "Print everything that happens; goes with --seed.") var trace = false
    @OptionGroup var definitions: DefinitionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if trace, seed == nil { throw ValidationError("--trace goes with --seed") }
        if let orders, !(1...10_000).contains(orders) { throw ValidationError("--orders must be 1 to 10000") }
        if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1") }
        guard (1...1_000_000_000).contains(seeds) else {
            throw ValidationError("--seeds must be 1 to 1000000000")
        }
        guard seed ?? from <= .max - seeds else { throw ValidationError("a seed is at most 18000000000000000000") }
        if let faultLimit, faultLimit < 0 { throw ValidationError("--fault-limit must be 0 or more") }
        _ = try narrowing()
        if !scenario.hasSuffix(".yaml") { _ = try chosenScenario() }
    }

    private func chosenScenario() throws -> Scenario {
        if scenario.hasSuffix(".yaml") {
            return try readingSettings(of: scenario) { try Scenario($0, name: scenario) }
        }
        guard let found = Scenario.all.first(where: { $0.name == scenario }) else {
            throw ValidationError(
                """
                no scenario \(scenario); there are \(Scenario.all.map(\.name).joined(separator: ", ")), and files \
                that end in .yaml
                """)
        }
        return found
    }

    func run() async throws {
        try await reportingFailures {
            let loaded = try definitions.loadForRunning()
            let (first, scenario) = (seed ?? from, try chosenScenario())
            var campaign = Campaign(
                scenario: scenario, seeds: first..<(seed == nil ? first + seeds : first + 1),
                definitions: loaded, jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount)
            campaign.goesOn = keepsGoing
            campaign.adjust = try narrowing()
            if trace {
                var plan = Plan(seed: first, of: campaign.scenario)
                campaign.adjust(&plan)
                let verdict = try Simulation.run(plan, on: Databases(), definitions: loaded) { print($0) }
                for violation in verdict.violations { print("VIOLATED  \(violation)") }
                if !verdict.isGood { throw ExitCode(1) }
                return
            }
            let clock = ContinuousClock()
            let begin = clock.now
            let tally = try await runOnDedicatedThread { [campaign] in
                var progress = ProgressBar("seeds", of: campaign.seeds.count)
                defer { progress.clear() }
                return campaign.run { progress.show($0.seeds) }
            }
            let seconds = begin.duration(to: clock.now).seconds
            try SimulationReport(campaign: campaign, tally: tally, seconds: seconds).show(asJSON: output.isJSON)
        }
    }
}

extension Simulate {
    /// What the options change of each seed's plan.
    private func narrowing() throws -> @Sendable (inout Plan) -> Void {
        let milliseconds = try until.map { text in
            guard let value = DurationText.parse(text) else {
                throw ValidationError("--until wants a duration like 500ms, 30s or 5m")
            }
            return value
        }
        let kept = try only.map { text in
            try Set(
                text.split(separator: ",").map { name in
                    guard let fault = SimulatedFault(rawValue: String(name)) else {
                        let known = SimulatedFault.allCases.map(\.rawValue).joined(separator: ", ")
                        throw ValidationError("no fault \(name); there are \(known)")
                    }
                    return fault
                })
        }
        return { [orders, faultLimit] plan in
            if let orders { plan.orders = orders }
            if let milliseconds { plan.faultMilliseconds = milliseconds }
            if let kept { plan.rates = plan.rates.filter { kept.contains($0.key) } }
            if let faultLimit { plan.faultLimit = faultLimit }
        }
    }
}
