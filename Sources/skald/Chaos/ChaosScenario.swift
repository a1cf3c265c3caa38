import SagaCore
import SagaYAML

/// How much is to be fed and hurt: the usual, a scenario file's, or the command line's.
struct ChaosScenario: Sendable, Hashable {
    var seed: UInt64 = 1
    /// How long orders are fed.
    var milliseconds: Int64 = 600_000
    /// Ends the feeding after this many orders instead.
    var orders: Int?
    /// Orders a second.
    var rate = 25
    var rates: [FaultKind: FaultRate] = Dictionary(uniqueKeysWithValues: FaultKind.allCases.map { ($0, $0.usual) })

    var plan: FaultPlan { FaultPlan(seed: seed, rates: rates) }

    /// How many orders there will be, nearly; stock is laid in for them.
    var expectedOrders: Int { orders ?? Int(milliseconds) * rate / 1000 }

    /// How long the feeding takes when nothing holds it up.
    var expectedMilliseconds: Int64 { orders.map { Int64($0) * 1000 / Int64(rate) } ?? milliseconds }

    init() {}

    /// ```yaml
    /// seed: 7
    /// duration: 10m          # or orders: 5000
    /// rate: 25               # orders a second
    /// faults:                # the mean time between two; what is not named does not happen
    ///   kill-worker: 7s
    ///   freeze: { every: 20s, lasting: 2s }
    /// ```
    init(_ source: SettingsFile) throws {
        var source = source
        let keys = source.keys([], known: ["seed", "duration", "orders", "rate", "faults"])
        if keys.contains("duration"), keys.contains("orders") {
            source.refuse([.key("orders")], place: .key, "either `duration` or `orders`, not both")
        }
        if let value = source.integer([.key("seed")], in: 0...Int64.max) { seed = UInt64(value) }
        if let value = source.duration([.key("duration")]) { milliseconds = value }
        if let value = source.integer([.key("orders")], in: 1...Self.mostOrders) { orders = Int(value) }
        if let value = source.integer([.key("rate")], in: Self.orderRates) { rate = Int(value) }
        if keys.contains("faults") { readFaults(&source) }
        try source.finish()
    }

    static let mostOrders: Int64 = 1_000_000
    static let orderRates: ClosedRange<Int64> = 1...1000

    private mutating func readFaults(_ source: inout SettingsFile) {
        rates = [:]
        for name in source.keys([.key("faults")], known: FaultKind.allCases.map(\.rawValue)) {
            guard let kind = FaultKind(rawValue: name) else { continue }
            let path: [PathPart] = [.key("faults"), .key(name)]
            var rate = kind.usual
            if source.value(path)?.object == nil {
                if let every = source.duration(path) { rate.every = every }
            } else {
                let keys = source.keys(path, known: kind.usual.lasting == nil ? ["every"] : ["every", "lasting"])
                if !keys.contains("every") { source.refuse(path, place: .key, "`every` is missing") }
                if let every = source.duration(path + [.key("every")]) { rate.every = every }
                if let lasting = source.duration(path + [.key("lasting")]) { rate.lasting = lasting }
            }
            rates[kind] = rate
        }
    }
}
