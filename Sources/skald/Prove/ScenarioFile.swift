import SagaCore
import SagaSimulator
import SagaYAML

extension Scenario {
    /// ```yaml
    /// orders: 6              # at most; the seed draws how many
    /// until: 15m             # faults happen at most so long; the seed draws how long
    /// faults:                # the chance of each at one opportunity; what is not named does not happen
    ///   lose-message: 8%
    ///   crash-worker: 0.5%
    /// ```
    init(_ source: SettingsFile, name: String) throws {
        var source = source
        var scenario = Scenario(name: name, rates: [:])
        _ = source.keys([], known: ["orders", "until", "faults"])
        if let most = source.integer([.key("orders")], in: 1...10_000) { scenario.orders = 1...Int(most) }
        if let longest = source.duration([.key("until")]) {
            scenario.faultMilliseconds = min(5000, longest)...longest
        }
        for name in source.keys([.key("faults")], known: SimulatedFault.allCases.map(\.rawValue)) {
            guard let fault = SimulatedFault(rawValue: name) else { continue }
            if let rate = source.percentage([.key("faults"), .key(name)]) { scenario.rates[fault] = rate }
        }
        try source.finish()
        self = scenario
    }
}
