import Glibc
import SagaBus
import SagaCore
import Synchronization

/// Many seeds of one scenario, on all cores.
package struct Campaign: Sendable {
    package var scenario: Scenario
    package var seeds: Range<UInt64>
    package var definitions: [SagaDefinition]
    /// How many seeds run at a time.
    package var jobs: Int
    /// Go on after a seed that fails.
    package var goesOn = false
    /// Narrows each seed's plan.
    package var adjust: @Sendable (inout Plan) -> Void = { _ in }

    package init(scenario: Scenario, seeds: Range<UInt64>, definitions: [SagaDefinition], jobs: Int) {
        self.scenario = scenario
        self.seeds = seeds
        self.definitions = definitions
        self.jobs = jobs
    }

    /// What came of it so far; sums do not depend on the order in which seeds finish.
    package struct Tally: Sendable {
        package var seeds = 0
        package var events = 0
        package var virtualMilliseconds: Int64 = 0
        package var statuses: [SagaStatus: Int] = [:]
        package var faults: [SimulatedFault: Int] = [:]
        package var failing: [Verdict] = []
        /// Seeds that could not be run at all.
        package var broken: [String] = []

        mutating func add(_ verdict: Verdict) {
            seeds += 1
            events += verdict.events
            virtualMilliseconds += verdict.virtualMilliseconds
            statuses.merge(verdict.statuses, uniquingKeysWith: +)
            for (fault, count) in verdict.faults { faults[fault, default: 0] += count }
            if !verdict.isGood { failing.append(verdict) }
        }
    }

    private struct Progress {
        var next: UInt64
        var running = 0
        var tally = Tally()
        var isStopping = false
    }

    /// Runs the seeds in order; unless it goes on, none is begun after one has failed, so that the lowest failing seed
    /// is always the same.
    ///
    /// - Parameter show: called now and then, on the calling thread, which waits.
    package func run(_ show: (Tally) -> Void = { _ in }) -> Tally {
        keepFreedMemory()
        let box = Box(first: seeds.lowerBound)
        let bell = BusMailbox()
        for _ in 0..<max(1, jobs) {
            box.progress.withLock { $0.running += 1 }
            DedicatedThread.start {
                run(box)
                box.progress.withLock { $0.running -= 1 }
                bell.wake()
            }
        }
        while box.progress.withLock({ $0.running > 0 }) {
            _ = bell.receive(waitingAtMost: .milliseconds(200))
            show(box.progress.withLock { $0.tally })
        }
        var tally = box.progress.withLock { $0.tally }
        tally.failing.sort { $0.plan.seed < $1.plan.seed }
        return tally
    }

    /// Each seed needs as much memory as the last; giving it back in between takes a tenth of the time.
    private func keepFreedMemory() {
        // glibc's `mallopt`, which Swift's module of glibc leaves out; without it all works, slower.
        guard let symbol = dlsym(nil, "mallopt") else { return }
        let mallopt = unsafeBitCast(symbol, to: (@convention(c) (CInt, CInt) -> CInt).self)
        let (trimThreshold, mmapThreshold): (CInt, CInt) = (-1, -3)
        _ = mallopt(trimThreshold, 256 << 20)
        _ = mallopt(mmapThreshold, 32 << 20)
    }

    private func take(from box: Box) -> UInt64? {
        box.progress.withLock { progress in
            guard progress.next < seeds.upperBound, !progress.isStopping else { return nil }
            defer { progress.next += 1 }
            return progress.next
        }
    }

    /// Takes one seed after the other.
    private func run(_ box: Box) {
        do {
            let databases = try Databases()
            while let seed = take(from: box) { run(seed, on: databases, box) }
        } catch {
            box.progress.withLock { $0.tally.broken.append("no database in memory: \(error)") }
        }
    }

    private func run(_ seed: UInt64, on databases: Databases, _ box: Box) {
        var plan = Plan(seed: seed, of: scenario)
        adjust(&plan)
        do {
            let verdict = try Simulation.run(plan, on: databases, definitions: definitions)
            box.progress.withLock { progress in
                progress.tally.add(verdict)
                if !verdict.isGood, !goesOn { progress.isStopping = true }
            }
        } catch {
            box.progress.withLock { progress in
                progress.tally.broken.append("seed \(seed): \(error)")
                progress.isStopping = true
            }
        }
    }

    private final class Box: Sendable {
        let progress: Mutex<Progress>
        init(first: UInt64) { progress = Mutex(Progress(next: first)) }
    }
}
