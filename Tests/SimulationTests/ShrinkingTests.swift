import SagaBus
import SagaCore
import Testing

@testable import SagaSimulator

struct ShrinkingTests {
    @Test("a failing seed is made small and still fails in the same way")
    func shrinks() async throws {
        let definitions = try Sagas.shipped()
        let (failing, small) = try await runOnDedicatedThread {
            try PlantedBug.$active.withValue(.takesReturnedForDelivered) {
                let scenario = Scenario(
                    name: "queues", orders: 4...4, faultMilliseconds: 60_000...60_000,
                    rates: [.deleteQueue: 0.1, .duplicateMessage: 0.2, .handlerError: 0.2], isSwarm: false)
                let databases = try Databases()
                let plan = Plan(seed: 1, of: scenario)
                let failing = try Simulation.run(plan, on: databases, definitions: definitions)
                return (failing, try Shrinking.of(failing, definitions: definitions, budget: 60))
            }
        }
        let (first, last) = (try #require(failing.violations.first), try #require(small.violations.first))
        #expect(Shrinking.kind(of: first) == Shrinking.kind(of: last))
        #expect(small.plan.orders < failing.plan.orders)
        #expect(small.faultCount < failing.faultCount)
        #expect(small.plan.rates[.duplicateMessage] == 0 && small.plan.rates[.handlerError] == 0)
    }

    @Test("the kind of a violation is what it is about, not whom")
    func kinds() {
        #expect(Shrinking.kind(of: "I3: payment: auth_1") == "I3")
        #expect(Shrinking.kind(of: "rule 17: 12/reserve-stock was undone") == "rule 17")
        #expect(
            Shrinking.kind(of: "it does not come to rest: 3 messages")
                == Shrinking.kind(of: "it does not come to rest: 1 message"))
    }

    @Test("a scenario's seeds have different faults, each seed always the same")
    func plans() {
        let plans = (UInt64(1)...20).map { Plan(seed: $0, of: .everything) }
        #expect(Set(plans.map { plan in plan.rates.filter { $0.value > 0 }.keys.count }).count > 3)
        #expect(plans[4].rates == Plan(seed: 5, of: .everything).rates)
        #expect(plans.contains { $0.isHasty } && plans.contains { !$0.isHasty })
    }
}
