import SagaBus
import SagaCore
import Testing

@testable import SagaSimulator

@Suite("I1 to I7 in virtual time, while all goes wrong that can")
struct SimulationTests {
    @Test("F1 to F9, F12 to F16, F20, F21, F24, F25, F27, F28: seeds of every scenario hold", arguments: Scenario.all)
    func seedsHold(_ scenario: Scenario) async throws {
        let definitions = try Sagas.shipped()
        let tally = try await runOnDedicatedThread {
            var campaign = Campaign(scenario: scenario, seeds: 1..<21, definitions: definitions, jobs: 1)
            campaign.goesOn = true
            return campaign.run()
        }
        #expect(tally.broken == [])
        #expect(tally.seeds == 20)
        for verdict in tally.failing {
            Issue.record("seed \(verdict.plan.seed) of \(scenario.name): \(verdict.violations)")
        }
        #expect(tally.statuses[.completed, default: 0] > 0)
    }

    @Test("the same seed gives the same trace, also on databases that others have used")
    func sameTrace() async throws {
        let definitions = try Sagas.shipped()
        try await runOnDedicatedThread {
            let used = try Databases()
            for seed in UInt64(40)..<44 {
                let plan = Plan(seed: seed, of: .everything)
                func trace(on databases: Databases) throws -> [String] {
                    var lines: [String] = []
                    _ = try Simulation.run(plan, on: databases, definitions: definitions) { lines.append($0) }
                    return lines
                }
                let first = try trace(on: Databases())
                #expect(first.count > 20)
                #expect(try trace(on: used) == first)
            }
        }
    }

    @Test("what is read of a campaign does not depend on the number of workers")
    func anyNumberOfWorkers() async throws {
        let definitions = try Sagas.shipped()
        try await runOnDedicatedThread {
            let tallies = [1, 3].map {
                Campaign(scenario: .network, seeds: 1..<9, definitions: definitions, jobs: $0).run()
            }
            #expect(tallies[0].events == tallies[1].events)
            #expect(tallies[0].faults == tallies[1].faults)
            #expect(tallies[0].statuses == tallies[1].statuses)
        }
    }
}
