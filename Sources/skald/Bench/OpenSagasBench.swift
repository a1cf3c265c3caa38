import Foundation
import SagaCore
import SagaStore

/// How much memory the worker takes with many sagas open, whose second participant does not answer until all are.
struct OpenSagasBench {
    let count: Int
    /// Sagas in flight of the load beside them.
    let window: Int
    let seconds: Double

    struct Result {
        var count = 0
        var window = 0
        var startedPerSecond = 0.0
        /// Sagas a second of the load, before there were any others and beside them.
        var before = 0.0
        var beside = 0.0
        /// Of the worker: before, when all were open, after the load beside them, and when all had ended.
        var resident: [Int64] = []
        var mostResident: Int64 = 0
        var endedPerSecond = 0.0
    }

    func run(in directory: String, _ settings: BenchSite.Settings) async throws -> Result {
        let site = try BenchSite(directory: directory, settings)
        defer { site.end() }
        var progress = ProgressBar("steps", of: 5)
        let late = BenchProcess.echo(BenchDefinitions.late)
        try await site.start([.worker, .open], without: late)
        var result = Result()
        (result.count, result.window) = (count, window)
        result.before = try await site.measure(.worker, .inFlight(window), seconds: seconds).perSecond
        result.resident.append(try site.reading(of: .worker).residentBytes)
        progress.show(1)

        let keys = settings.run + "open"
        var begun = ContinuousClock.now
        try await site.running().start(count, of: .open, keys: keys)
        try await allAreOpen(site)
        result.startedPerSecond = Double(count) / (begun.duration(to: .now) / .seconds(1))
        result.resident.append(try site.reading(of: .worker).residentBytes)
        progress.show(2)

        result.beside = try await site.measure(.worker, .inFlight(window), seconds: seconds).perSecond
        result.resident.append(try site.reading(of: .worker).residentBytes)
        progress.show(3)

        begun = .now
        try site.launch(late)
        try await site.running().awaitEnds(count, keys: keys)
        result.endedPerSecond = Double(count) / (begun.duration(to: .now) / .seconds(1))
        try site.refuseEnded()
        progress.show(4)
        let worker = try site.reading(of: .worker)
        result.resident.append(worker.residentBytes)
        result.mostResident = worker.mostResidentBytes
        try await site.stopWorker()
        let left = try SagaStoreReader(path: site.database).read { try $0.openSagaCount() }
        progress.clear()
        guard left == 0 else { throw CommandFailure(.refused, "\(left) sagas have not ended") }
        return result
    }

    /// Each has its second command out.
    private func allAreOpen(_ site: BenchSite) async throws {
        let reader = try SagaStoreReader(path: site.database)
        var (most, since) = (0, ContinuousClock.now)
        while most < count {
            try await Task.sleep(for: .milliseconds(500))
            try site.refuseEnded()
            let open = try reader.read { try $0.openSagaCount(at: "second") }
            if open > most { (most, since) = (open, .now) }
            guard since.duration(to: .now) < .seconds(60) else {
                throw CommandFailure(.refused, "only \(most) sagas of \(count) have been started; see the logs")
            }
        }
    }
}

extension OpenSagasBench.Result {
    func show(asJSON: Bool) {
        let out = Terminal.standardOutput
        func megabytes(_ bytes: Int64) -> String { String(format: "%.0f MB", Double(bytes) / 1_048_576) }
        guard !asJSON else {
            return out.json([
                "openSagas": .number(JSONNumber(Int64(count))), "inFlight": .number(JSONNumber(Int64(window))),
                "startedPerSecond": .measured(startedPerSecond), "sagasPerSecondBefore": .measured(before),
                "sagasPerSecondBeside": .measured(beside), "endedPerSecond": .measured(endedPerSecond),
                "workerMegabytes": .array(resident.map { .measured(Double($0) / 1_048_576) }),
                "mostWorkerMegabytes": .measured(Double(mostResident) / 1_048_576),
            ])
        }
        var table = TextTable(header: ["", "SAGAS/S", "WORKER'S RSS"])
        let load = "\(window) in flight"
        let steps = [
            ("\(load), nothing else open", before), ("\(count) started", startedPerSecond),
            ("\(load) beside them", beside), ("all of them ended", endedPerSecond),
        ]
        for (step, bytes) in zip(steps, resident) {
            table.add([step.0, String(format: "%.0f", step.1), megabytes(bytes)])
        }
        table.add(["at most", "", megabytes(mostResident)])
        for line in table.lines() { out.line(line) }
    }
}
