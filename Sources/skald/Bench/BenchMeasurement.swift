import SagaCore

/// One turn of one system.
struct BenchMeasurement: Sendable {
    let system: BenchSystem
    /// As it was asked for.
    let load: BenchLoad
    let turn: BenchTurn

    var perSecond: Double { turn.seconds > 0 ? Double(turn.ended) / turn.seconds : 0 }

    /// Microseconds of processor time a saga.
    func cpu(_ which: (BenchProcess) -> Bool) -> Double { perSaga { which($0) ? Double($1.cpuMicroseconds) : 0 } }

    var bytesWritten: Double { perSaga { $0 == .broker ? 0 : Double($1.writtenBytes) } }
    var commits: Double { perSaga(Double(turn.after.commits - turn.before.commits)) }
    /// One for each commit, two for each time the log begins anew.
    var syncs: Double { commits + perSaga(2 * Double(turn.after.checkpoints - turn.before.checkpoints)) }
    var workerResidentBytes: Int64 { turn.after.processes[system.orchestrator]?.residentBytes ?? 0 }

    /// Microseconds within which this share of sagas ended.
    func latency(_ share: Double) -> Int64 {
        let sorted = turn.microseconds.sorted()
        guard !sorted.isEmpty else { return 0 }
        return sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
    }

    /// How much longer the slowest of a hundred take than one in the middle.
    var p99ToP50: Double {
        let middle = latency(0.5)
        return middle > 0 ? Double(latency(0.99)) / Double(middle) : 0
    }

    private func perSaga(_ value: (BenchProcess, ProcessReading) -> Double) -> Double {
        let after = turn.after.processes.map { value($0.key, $0.value) }.reduce(0, +)
        let before = turn.before.processes.map { value($0.key, $0.value) }.reduce(0, +)
        return perSaga(after - before)
    }

    private func perSaga(_ total: Double) -> Double { turn.ended > 0 ? total / Double(turn.ended) : 0 }
}

/// A figure over the rounds: the median, with the least and the most.
struct Spread: Sendable {
    let median: Double
    let least: Double
    let most: Double

    init(_ values: [Double]) {
        let sorted = values.sorted()
        least = sorted.first ?? 0
        most = sorted.last ?? 0
        let middle = sorted.count / 2
        median =
            sorted.isEmpty ? 0 : sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
