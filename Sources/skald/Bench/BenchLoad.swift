/// How sagas arrive in a turn.
enum BenchLoad: Hashable, Sendable {
    /// So many are under way at any time: the next one begins when one has ended.
    case inFlight(Int)
    /// So many begin each second, whatever has become of those before.
    case rate(Double)
    /// As ``rate(_:)``, at this share of the most that the system has done in this run with sagas in flight.
    case share(Double)

    /// The number of sagas in flight, where that is given.
    var window: Int? {
        if case .inFlight(let window) = self { window } else { nil }
    }

    var text: String {
        switch self {
        case .inFlight(let window): "\(window)"
        case .rate(let rate): "\(rate.trimmed)/s"
        case .share(let share): "\(share.trimmed) of most"
        }
    }
}

/// When sagas begin of which so many are to begin each second, at even distances.
///
/// Latency is counted from these times, not from when the driver got round to it: who starts late must not look fast.
struct ArrivalSchedule {
    let begin: ContinuousClock.Instant
    let perSecond: Double
    private var taken = 0

    init(from begin: ContinuousClock.Instant, perSecond: Double) {
        self.begin = begin
        self.perSecond = perSecond
    }

    var next: ContinuousClock.Instant { begin + .seconds(Double(taken) / perSecond) }

    /// The times that have come and have not been given before.
    mutating func takeDue(at now: ContinuousClock.Instant) -> [ContinuousClock.Instant] {
        var due: [ContinuousClock.Instant] = []
        while next <= now {
            due.append(next)
            taken += 1
        }
        return due
    }
}

/// In which order the business keys of sagas come.
enum BenchKeys: String, Sendable, CaseIterable {
    /// Each behind the one before.
    case ordered
    /// Anywhere between those there are.
    case scattered

    func key(_ prefix: String, _ number: Int) -> String {
        switch self {
        case .ordered: return "\(prefix)-\(number)"
        case .scattered:
            let hash = String((UInt64(number) &* 2_654_435_761) & 0xFFFF_FFFF, radix: 16)
            return String(repeating: "0", count: 8 - hash.count) + "\(hash)-\(prefix)-\(number)"
        }
    }
}

extension Double {
    /// Without a fraction that is none.
    fileprivate var trimmed: String { self == rounded() && abs(self) < 1e15 ? "\(Int(self))" : "\(self)" }
}
