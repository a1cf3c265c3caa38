import SagaCore

/// Makes a failing plan small: fewer faults, fewer kinds of them, fewer orders, an earlier end, as long as it fails in
/// the same way.
package struct Shrinking {
    private let definitions: [SagaDefinition]
    private let databases: Databases
    private let kind: String
    private(set) var best: Verdict
    private var budget: Int

    /// - Parameter budget: how many runs it may take.
    package static func of(
        _ failing: Verdict, definitions: [SagaDefinition], budget: Int = 150
    ) throws -> Verdict {
        guard let first = failing.violations.first else { return failing }
        var shrinking = Shrinking(
            definitions: definitions, databases: try Databases(), kind: kind(of: first), best: failing, budget: budget)
        shrinking.run()
        return shrinking.best
    }

    /// What a violation is about, without whom it concerns: its words up to the first digit or colon.
    package static func kind(of violation: String) -> String {
        violation.hasPrefix("I") || violation.hasPrefix("rule")
            ? String(violation.prefix { $0 != ":" })
            : String(violation.prefix { !$0.isNumber && $0 != ":" })
    }

    private init(
        definitions: [SagaDefinition], databases: Databases, kind: String, best: Verdict, budget: Int
    ) {
        self.definitions = definitions
        self.databases = databases
        self.kind = kind
        self.best = best
        self.budget = budget
    }

    private mutating func run() {
        var isSmaller = true
        while isSmaller && budget > 0 {
            isSmaller = false
            for fault in SimulatedFault.allCases where best.plan.rates[fault] ?? 0 > 0 {
                isSmaller = attempt { $0.rates[fault] = 0 } || isSmaller
            }
            while best.plan.orders > 1, attempt({ $0.orders -= 1 }) { isSmaller = true }
            while best.faultCount > 0, attempt({ [count = best.faultCount] in $0.faultLimit = count / 2 }) {
                isSmaller = true
            }
            while best.faultCount > 0, attempt({ [count = best.faultCount] in $0.faultLimit = count - 1 }) {
                isSmaller = true
            }
            while best.plan.faultMilliseconds > 200, attempt({ $0.faultMilliseconds /= 2 }) { isSmaller = true }
        }
    }

    private mutating func attempt(_ change: (inout Plan) -> Void) -> Bool {
        guard budget > 0 else { return false }
        budget -= 1
        var plan = best.plan
        change(&plan)
        guard let verdict = try? Simulation.run(plan, on: databases, definitions: definitions),
            let first = verdict.violations.first,
            Self.kind(of: first) == kind
        else { return false }
        best = verdict
        return true
    }
}
