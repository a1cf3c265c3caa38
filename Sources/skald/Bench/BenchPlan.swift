import ArgumentParser

/// Which systems have their turns under which loads, in which order.
struct BenchPlan {
    struct Turn: Hashable {
        let load: BenchLoad
        let system: BenchSystem
    }

    let systems: [BenchSystem]
    /// Those with sagas in flight come first: a share is of what they give.
    let loads: [BenchLoad]
    let rounds: Int

    /// - Parameter finished: whether the worker on a file with finished sagas is measured beside the others.
    /// - Throws: `ValidationError`, in words for who typed it.
    init(systems: String, inFlight: String, loads: String?, rates: String?, rounds: Int, finished: Bool = false) throws
    {
        var chosen = try Self.list(systems) { BenchSystem.choosable.map(\.rawValue).contains($0) ? $0 : nil }
            .or("--system wants some of bare, worker, services, refused, separated by commas")
            .compactMap { BenchSystem(rawValue: $0) }
        if finished {
            if !chosen.contains(.worker) { chosen.append(.worker) }
            chosen.append(.filled)
        }
        self.systems = chosen
        let windows = try Self.list(inFlight) { Int($0).flatMap { (1...100_000).contains($0) ? $0 : nil } }
            .or("--in-flight wants numbers from 1 to 100000, separated by commas")
        let shares = try Self.list(loads ?? "") { Double($0).flatMap { $0 > 0 && $0 <= 1 ? $0 : nil } }
            .or("--load wants shares of the most, above 0 up to 1, separated by commas")
        let rates = try Self.list(rates ?? "") { Double($0).flatMap { $0 > 0 && $0 <= 1e6 ? $0 : nil } }
            .or("--rate wants sagas a second, above 0, separated by commas")
        guard !chosen.isEmpty else { throw ValidationError("--system names nothing to measure") }
        guard shares.isEmpty || !windows.isEmpty else {
            throw ValidationError("--load is a share of what --in-flight gives; name some of it")
        }
        self.loads = windows.map { .inFlight($0) } + shares.map { .share($0) } + rates.map { .rate($0) }
        guard !self.loads.isEmpty else { throw ValidationError("--in-flight or --rate must say what to measure") }
        guard rounds > 0 else { throw ValidationError("--rounds is more than 0") }
        self.rounds = rounds
    }

    var turns: [Turn] {
        (0..<rounds).flatMap { round in
            loads.flatMap { load in
                // Each system begins once, so that none always runs on the other's heels.
                systems.rotated(by: round).map { Turn(load: load, system: $0) }
            }
        }
    }

    /// What the driver is to do in a turn.
    ///
    /// - Parameter measured: the turns before it.
    static func load(of turn: Turn, after measured: [BenchMeasurement]) -> BenchLoad {
        guard case .share(let share) = turn.load else { return turn.load }
        let own = measured.filter { $0.system == turn.system && $0.load.window != nil }
        let most = Dictionary(grouping: own, by: \.load).values.map { Spread($0.map(\.perSecond)).median }.max() ?? 0
        return .rate(max(1, share * most))
    }

    /// Nil if there is one that cannot be read.
    private static func list<Item>(_ text: String, _ item: (String) -> Item?) -> [Item]? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts != [""] else { return [] }
        let items = parts.compactMap { item($0.trimmingPrefix(while: \.isWhitespace).description) }
        return items.count == parts.count ? items : nil
    }
}

extension Optional {
    fileprivate func or(_ words: String) throws -> Wrapped {
        guard let self else { throw ValidationError(words) }
        return self
    }
}

extension Array {
    fileprivate func rotated(by count: Int) -> [Element] {
        guard !isEmpty else { return [] }
        let offset = count % self.count
        return Array(self[offset...] + self[..<offset])
    }
}
