import SagaCore

/// Which faults happen when: a seed and the rates fix it.
///
/// Every kind has a stream of random numbers of its own, so that a kind that is switched off leaves the others where
/// they are, and a longer plan begins with the shorter one.
struct FaultPlan: Sendable {
    let seed: UInt64
    let rates: [FaultKind: FaultRate]

    /// In the order of their times.
    func faults(until end: Int64) -> [PlannedFault] {
        FaultKind.allCases.flatMap { faults($0, until: end) }.sorted {
            ($0.at, $0.kind.rawValue) < ($1.at, $1.kind.rawValue)
        }
    }

    private func faults(_ kind: FaultKind, until end: Int64) -> [PlannedFault] {
        guard let rate = rates[kind] else { return [] }
        var random = SplitMix64(seed: seed ^ Self.stream(of: kind))
        var faults: [PlannedFault] = []
        var at = Self.settlingMilliseconds
        while true {
            at += Self.around(rate.every, &random)
            let lasting = rate.lasting.map { Self.around($0, &random) } ?? 0
            let target = kind.targets[Int(random.next() % UInt64(kind.targets.count))]
            let detail = random.next()
            guard at < end else { return faults }
            faults.append(PlannedFault(kind: kind, target: target, at: at, lasting: lasting, detail: detail))
        }
    }

    /// Everything has started by then.
    private static let settlingMilliseconds: Int64 = 1_000

    /// From a tenth of the mean to nearly twice of it.
    private static func around(_ mean: Int64, _ random: inout SplitMix64) -> Int64 {
        max(1, Int64.random(in: mean / 10...mean * 19 / 10, using: &random))
    }

    /// FNV-1a of the kind's name.
    private static func stream(of kind: FaultKind) -> UInt64 {
        kind.rawValue.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    func lines(until end: Int64) -> [String] {
        faults(until: end).map { fault in
            let seconds = "\(fault.at / 1000).\(String(fault.at % 1000 + 1000).dropFirst())"
            let padding = String(repeating: " ", count: max(0, 8 - seconds.count))
            let lasting = fault.lasting > 0 ? " \(DurationText.text(milliseconds: fault.lasting))" : ""
            return "\(padding)\(seconds)  \(fault.kind.rawValue) \(fault.target.rawValue)\(lasting)"
        }
    }
}
