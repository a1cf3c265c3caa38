import OrderServices
import SagaCore
import SagaEngine

/// What a seed makes of a scenario: the orders, how long faults happen, which and how often.
package struct Plan: Sendable {
    package let seed: UInt64
    package var orders: Int
    package var faultMilliseconds: Int64
    package var rates: [SimulatedFault: Double]
    /// The definitions have timeouts and budgets of seconds, so that outages use them up.
    package var isHasty: Bool
    /// The engine's bounds are small, so that few orders come up against them.
    package var isTight: Bool
    /// Only the first so many faults happen.
    package var faultLimit = Int.max

    package init(seed: UInt64, of scenario: Scenario) {
        self.seed = seed
        var random = SplitMix64(seed: seed ^ 0x5ca1_d000)
        // Small runs find most, sooner: two draws, the smaller counts.
        orders = (0..<2).reduce(scenario.orders.upperBound) { least, _ in
            min(least, Int.random(in: scenario.orders, using: &random))
        }
        let longest = Int64.random(in: scenario.faultMilliseconds, using: &random)
        faultMilliseconds = Int64.random(in: scenario.faultMilliseconds.lowerBound...longest, using: &random)
        var rates: [SimulatedFault: Double] = [:]
        for fault in SimulatedFault.allCases {
            let rate = scenario.rates[fault] ?? 0
            let factor = [0, 0, 0.3, 1, 3][Int.random(in: 0..<5, using: &random)]
            rates[fault] = min(1, scenario.isSwarm ? rate * factor : rate)
        }
        self.rates = rates
        isTight = scenario.isSwarm && Bool.random(using: &random)
        isHasty = scenario.isHasty ?? (scenario.isSwarm && Int.random(in: 0..<3, using: &random) == 0)
    }

    /// How long soft reservations last: as long as they should, or so short that they run out under way.
    var reservationMilliseconds: Int64 {
        var random = SplitMix64(seed: seed ^ 0x7e5e)
        guard Bool.random(using: &random) else { return Inventory.reservationMilliseconds }
        return [500, 2000, 10_000, 60_000, 900_000][Int.random(in: 0..<5, using: &random)]
    }

    var hasOldCommands: Bool {
        var random = SplitMix64(seed: seed ^ 0x01d)
        return Int.random(in: 0..<4, using: &random) == 0
    }

    /// How long sagas are kept that have ended: in a share of the plans not for long.
    var pruneAfterMilliseconds: Int64? {
        var random = SplitMix64(seed: seed ^ 0x94e)
        guard Int.random(in: 0..<4, using: &random) == 0 else { return nil }
        return [2000, 20_000, 120_000][Int.random(in: 0..<3, using: &random)]
    }

    /// What the seed makes of the engine's bounds.
    var engineSettings: EngineSettings {
        var settings = EngineSettings()
        settings.pruneAfter = pruneAfterMilliseconds.map { .milliseconds($0) }
        settings.pruningLimit = 2
        guard isTight else { return settings }
        var random = SplitMix64(seed: seed ^ 0x7197)
        settings.unansweredLimit = Int.random(in: 1...5, using: &random)
        settings.cachedSagas = Int.random(in: 1...3, using: &random)
        settings.batchLimit = Int.random(in: 1...8, using: &random)
        settings.outboxBound = Int.random(in: 4...50, using: &random)
        settings.sagasInFlight = Int.random(in: 1...4, using: &random)
        settings.publishWindow = Int.random(in: 2...8, using: &random)
        return settings
    }
}
