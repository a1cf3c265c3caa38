/// The order of a definition's steps: what waits for what.
struct StepGraph: Sendable {
    /// Direct dependencies.
    let after: [StepSet]
    /// All steps a step waits for, directly or not.
    let ancestors: [StepSet]
    /// All steps that wait for a step, directly or not.
    let descendants: [StepSet]

    init(after: [StepSet]) {
        precondition(after.count <= StepSet.capacity)
        var ancestors = after
        for middle in after.indices {
            for step in after.indices where ancestors[step].contains(middle) {
                ancestors[step].formUnion(ancestors[middle])
            }
        }
        var descendants = [StepSet](repeating: [], count: after.count)
        for step in after.indices {
            for ancestor in ancestors[step] {
                descendants[ancestor].insert(step)
            }
        }
        self.after = after
        self.ancestors = ancestors
        self.descendants = descendants
    }

    /// Cycles without a step in common, each beginning with its first step in the file and following `after`.
    var cycles: [[Int]] {
        var remaining = StepSet(after.indices.filter { ancestors[$0].contains($0) })
        var cycles: [[Int]] = []
        while let start = remaining.first {
            guard let cycle = cycle(from: start, within: remaining) else {
                remaining.remove(start)
                continue
            }
            cycles.append(cycle)
            remaining.subtract(StepSet(cycle))
        }
        return cycles
    }

    /// The shortest way from a step over its dependencies back to itself.
    private func cycle(from start: Int, within steps: StepSet) -> [Int]? {
        var cameFrom: [Int: Int] = [:]
        var queue = [start]
        var next = 0
        while next < queue.count {
            let step = queue[next]
            next += 1
            for dependency in after[step].intersection(steps) {
                if dependency == start {
                    return way(to: step, from: start, cameFrom)
                }
                if cameFrom[dependency] == nil {
                    cameFrom[dependency] = step
                    queue.append(dependency)
                }
            }
        }
        return nil
    }

    private func way(to end: Int, from start: Int, _ cameFrom: [Int: Int]) -> [Int] {
        var way = [end]
        while let last = way.last, last != start, let previous = cameFrom[last] {
            way.append(previous)
        }
        return way.reversed()
    }

    /// The greatest sum of weights along one chain of dependencies, counting only `steps`, and that chain.
    ///
    /// Precondition: the graph has no cycle.
    func criticalPath(over steps: StepSet, weight: (Int) -> Int64) -> (total: Int64, path: [Int]) {
        var best = [(total: Int64, path: [Int])?](repeating: nil, count: after.count)
        func longest(endingAt step: Int) -> (total: Int64, path: [Int]) {
            if let known = best[step] { return known }
            var before: (total: Int64, path: [Int]) = (0, [])
            for dependency in after[step] {
                let candidate = longest(endingAt: dependency)
                if candidate.total > before.total { before = candidate }
            }
            var result = before
            if steps.contains(step) {
                result = (before.total.saturatingAdding(weight(step)), before.path + [step])
            }
            best[step] = result
            return result
        }
        var greatest: (total: Int64, path: [Int]) = (0, [])
        for step in steps {
            let candidate = longest(endingAt: step)
            if candidate.total > greatest.total { greatest = candidate }
        }
        return greatest
    }
}
