import SagaBus
import SagaCore
import Testing

@testable import SagaSimulator

@Suite("Each planted bug is caught")
struct PlantedBugTests {
    /// Where a bug shows soonest.
    private static func scenario(for bug: PlantedBug) -> Scenario {
        switch bug {
        case .resolvesWithoutFence, .cancelAfterPivot, .sendsWhilePaused: .operators
        case .acknowledgesBeforeCommit, .barrierOutsideTransaction, .forgetsTimersOnRestart, .removesRowBeforeConfirm:
            .crashes
        default: .everything
        }
    }

    /// Far more seeds than any of them takes.
    private static let mostSeeds: UInt64 = 3000

    @Test("caught by name", arguments: PlantedBug.allCases)
    func caught(_ bug: PlantedBug) async throws {
        let definitions = try Sagas.shipped()
        let (seeds, violation) = try await runOnDedicatedThread {
            try PlantedBug.$active.withValue(bug) {
                let databases = try Databases()
                for seed in 1...Self.mostSeeds {
                    let plan = Plan(seed: seed, of: Self.scenario(for: bug))
                    let verdict = try Simulation.run(plan, on: databases, definitions: definitions)
                    if let violation = verdict.violations.first { return (seed, violation) }
                }
                return (Self.mostSeeds, "nothing")
            }
        }
        print("planted: \(bug.rawValue): \(seeds) seeds: \(violation)")
        #expect(violation != "nothing", "\(bug.rawValue) was not noticed in \(seeds) seeds")
    }
}
