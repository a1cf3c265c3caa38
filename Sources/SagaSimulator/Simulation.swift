import SagaBus
import SagaCore
import SagaStore

/// What came of one simulation.
package struct Verdict: Sendable {
    package let plan: Plan
    /// What does not hold that must; empty if all is well. The first of them is what a failing seed is known by.
    package let violations: [String]
    package let faults: [(fault: SimulatedFault, count: Int)]
    /// Things that happened: messages sent, received, timers, steps.
    package let events: Int
    package let virtualMilliseconds: Int64
    package let statuses: [SagaStatus: Int]

    package var isGood: Bool { violations.isEmpty }
    package var faultCount: Int { faults.map(\.count).reduce(0, +) }
}

/// One run of everything, from the first order until nothing moves any more.
package enum Simulation {
    /// Longer than any budget: what has not come to rest by then never will.
    private static let longestRest: Int64 = 12 * 86_400_000
    private static let mostEvents = 400_000

    /// - Parameter trace: gets each line of what happened.
    /// - Throws: what keeps a simulation from being set up at all.
    package static func run(
        _ plan: Plan, on databases: Databases, definitions: [SagaDefinition], trace: ((String) -> Void)? = nil
    ) throws -> Verdict {
        let shop = SimulatedShop(plan)
        try databases.begin(stock: shop.stock)
        let world = try World(
            plan, on: databases, definitions: plan.isHasty ? definitions.map(\.hasty) : definitions, trace: trace)
        let errands = Errands(plan, shop, in: world)
        guard let customer = world.customer else { preconditionFailure("customers never die") }
        errands.hand(to: customer)
        let safety = SafetyCheck(world, StuckCauses(world, plan, shop), plan)
        world.time.after(plan.faultMilliseconds) {
            world.luck.end()
            world.trace.note("world", "from now on nothing goes wrong any more")
        }
        var violations: [String] = []
        var sweeps = 0
        var count = 0
        while violations.isEmpty {
            guard world.time.runNext() else {
                violations = ["everything stands still, and nothing is planned"]
                break
            }
            count += 1
            violations = safety.violations + world.breaches + world.network.queues.breaches
            guard world.time.milliseconds > plan.faultMilliseconds, count % 8 == 0 else { continue }
            if try isAtRest(world, customer) {
                sweeps += 1
                if sweeps <= 3, try errands.tidyUp(sweeps, customer) {
                    world.wakeCustomer()
                    continue
                }
                break
            }
            if world.time.milliseconds > plan.faultMilliseconds + Self.longestRest || count > Self.mostEvents {
                violations = ["it does not come to rest: \(try whatMoves(world, customer))"]
            }
        }
        if violations.isEmpty { violations = try RestCheck(world, customer, shop, safety).violations() }
        let statuses = try world.store.read { store in
            try store.prunedSagas().reduce(into: store.countByStatus()) { $0[$1.status, default: 0] += 1 }
        }
        let end = world.time.milliseconds
        world.end()
        return Verdict(
            plan: plan, violations: violations, faults: world.luck.happened, events: count, virtualMilliseconds: end,
            statuses: statuses)
    }

    private static func isAtRest(_ world: World, _ customer: Customer) throws -> Bool {
        guard customer.areDone, world.allRun, world.callsUnderWay == 0, world.network.isIdle else { return false }
        return try world.store.read { try $0.outboxCount() == 0 && $0.nextWake() == nil }
    }

    private static func whatMoves(_ world: World, _ customer: Customer) throws -> String {
        let (outbox, wake) = try world.store.read { (try $0.outboxCount(), try $0.nextWake()) }
        let open = customer.errands.filter(\.isOpen).map(\.id)
        let dead = world.processes.filter { !$0.isAlive }.map(\.name)
        return """
            \(outbox) messages in the outbox, next timer \(wake?.iso8601 ?? "none") at \(world.time.now.iso8601), \
            unanswered \(open), dead \(dead), calls \(world.callsUnderWay), \
            bus \(world.network.isIdle ? "idle" : "busy")
            """
    }
}
