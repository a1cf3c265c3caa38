import SagaCore

/// A simulation's luck: a stream of numbers of its own for each kind of fault, so that leaving one out leaves the
/// numbers of the others as they were.
// One thread drives a simulation and all that belongs to it.
final class Luck: @unchecked Sendable {
    private var streams: [SplitMix64]
    private var rates: [Double]
    private(set) var counts: [Int]
    private let limit: Int
    private(set) var total = 0
    /// False once faults are over.
    private var isOn = true
    /// What is no fault: how long things take, what is ordered.
    var course: SplitMix64

    private static let faults = SimulatedFault.allCases

    /// - Parameter limit: only so many faults happen, the first ones.
    init(seed: UInt64, rates: [SimulatedFault: Double], limit: Int) {
        var seeds = SplitMix64(seed: seed)
        course = SplitMix64(seed: seeds.next())
        streams = Self.faults.map { _ in SplitMix64(seed: seeds.next()) }
        self.rates = Self.faults.map { rates[$0] ?? 0 }
        counts = Self.faults.map { _ in 0 }
        self.limit = limit
    }

    /// Whether the fault happens at this opportunity.
    ///
    /// - Parameter factor: of its rate.
    func happens(_ fault: SimulatedFault, lessBy factor: Double = 1) -> Bool {
        let index = fault.index
        guard isOn, rates[index] > 0, total < limit else { return false }
        guard Double.random(in: 0..<1, using: &streams[index]) < rates[index] * factor else { return false }
        counts[index] += 1
        total += 1
        return true
    }

    /// Whether a fault that can happen now comes along with something else, which it does once in so many times.
    func comesAlong(_ fault: SimulatedFault, onceIn times: Int64) -> Bool {
        let index = fault.index
        guard isOn, rates[index] > 0, total < limit, draw(1...times, of: fault) == 1 else { return false }
        counts[index] += 1
        total += 1
        return true
    }

    func draw(_ range: ClosedRange<Int64>, of fault: SimulatedFault) -> Int64 {
        Int64.random(in: range, using: &streams[fault.index])
    }

    /// A time that is short as often as long.
    func milliseconds(_ range: ClosedRange<Int64>, of fault: SimulatedFault) -> Int64 {
        let bound = draw(range, of: fault)
        return draw(range.lowerBound...max(range.lowerBound, bound), of: fault)
    }

    func draw(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &course) }

    func count(of fault: SimulatedFault) -> Int { counts[fault.index] }

    /// From now on nothing goes wrong any more.
    func end() { isOn = false }

    var happened: [(fault: SimulatedFault, count: Int)] {
        zip(Self.faults, counts).filter { $0.1 > 0 }.map { (fault: $0.0, count: $0.1) }
    }
}

extension SimulatedFault {
    private static let indices = Dictionary(uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })
    fileprivate var index: Int { Self.indices[self] ?? 0 }
}
