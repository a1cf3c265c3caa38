import Foundation
import SagaCore

/// Medians over the rounds, and their ratios to the bare relay.
struct BenchReport {
    private let groups: [(system: BenchSystem, window: Int, rounds: [BenchMeasurement])]
    private let queueKind: QueueKindArgument
    private let seconds: Double

    init(_ measured: [BenchMeasurement], queueKind: QueueKindArgument, seconds: Double) {
        var groups: [(system: BenchSystem, window: Int, rounds: [BenchMeasurement])] = []
        for measurement in measured {
            if let place = groups.firstIndex(where: {
                $0.system == measurement.system && $0.window == measurement.window
            }) {
                groups[place].rounds.append(measurement)
            } else {
                groups.append((measurement.system, measurement.window, [measurement]))
            }
        }
        func order(_ system: BenchSystem) -> Int { BenchSystem.allCases.firstIndex(of: system) ?? 0 }
        self.groups = groups.sorted { ($0.window, order($0.system)) < ($1.window, order($1.system)) }
        self.queueKind = queueKind
        self.seconds = seconds
    }

    func show(asJSON: Bool) {
        if asJSON {
            Terminal.standardOutput.line(JSONValue.array(groups.map(json)).text)
        } else {
            Terminal.standardOutput.line(
                "\(queueKind.rawValue) queues, \(groups.first?.rounds.count ?? 0) rounds of \(seconds) s")
            var table = TextTable(header: [
                "IN FLIGHT", "SYSTEM", "SAGAS/S", "(MIN–MAX)", "÷ BARE", "P50 MS", "P99 MS", "P99.9", "WORKER µS",
                "PARTICIPANTS", "BROKER", "KB", "COMMITS", "FSYNCS", "RSS MB",
            ])
            for group in groups { table.add(row(group.system, group.window, group.rounds)) }
            for line in table.lines() { Terminal.standardOutput.line(line) }
            Terminal.standardOutput.line("Processor time, bytes, commits and fsyncs are for each saga.")
        }
    }

    private func ratio(_ system: BenchSystem, _ window: Int) -> Double? {
        guard system != .bare, let own = rate(system, window), let bare = rate(.bare, window), bare > 0 else {
            return nil
        }
        return own / bare
    }

    private func rate(_ system: BenchSystem, _ window: Int) -> Double? {
        groups.first { $0.system == system && $0.window == window }.map { Spread($0.rounds.map(\.perSecond)).median }
    }

    /// Median of sagas a second, in the order of the table.
    var throughput: [(system: BenchSystem, window: Int, perSecond: Double)] {
        groups.map { ($0.system, $0.window, Spread($0.rounds.map(\.perSecond)).median) }
    }

    private struct Figures {
        let perSecond: Spread
        let p50, p99, p999: Double
        let worker, participants, broker: Double
        let bytes, commits, syncs: Double
        let resident: Double

        init(_ system: BenchSystem, _ rounds: [BenchMeasurement]) {
            func median(_ value: (BenchMeasurement) -> Double) -> Double { Spread(rounds.map(value)).median }
            perSecond = Spread(rounds.map(\.perSecond))
            p50 = median { Double($0.latency(0.5)) / 1000 }
            p99 = median { Double($0.latency(0.99)) / 1000 }
            p999 = median { Double($0.latency(0.999)) / 1000 }
            worker = median { $0.cpu { $0 == system.orchestrator } }
            broker = median { $0.cpu { $0 == .broker } }
            participants = median { $0.cpu { system.participants.contains($0) } }
            bytes = median(\.bytesWritten)
            commits = median(\.commits)
            syncs = median(\.syncs)
            resident = median { Double($0.workerResidentBytes) / 1_048_576 }
        }
    }

    private func row(_ system: BenchSystem, _ window: Int, _ rounds: [BenchMeasurement]) -> [String] {
        let figures = Figures(system, rounds)
        func text(_ value: Double, _ digits: Int = 0) -> String { String(format: "%.\(digits)f", value) }
        return [
            "\(window)", system.rawValue, text(figures.perSecond.median),
            "(\(text(figures.perSecond.least))–\(text(figures.perSecond.most)))",
            ratio(system, window).map { text($0, 2) } ?? "",
            text(figures.p50, 1), text(figures.p99, 1), text(figures.p999, 1), text(figures.worker),
            text(figures.participants), text(figures.broker), text(figures.bytes / 1024, 1),
            system == .bare ? "" : text(figures.commits, 2), system == .bare ? "" : text(figures.syncs, 2),
            text(figures.resident),
        ]
    }

    private func json(_ group: (system: BenchSystem, window: Int, rounds: [BenchMeasurement])) -> JSONValue {
        let figures = Figures(group.system, group.rounds)
        func number(_ value: Double) -> JSONValue {
            (try? JSONValue.parse(Array(String(format: "%.3f", value).utf8))) ?? .null
        }
        return [
            "system": .string(group.system.rawValue), "inFlight": .number(JSONNumber(Int64(group.window))),
            "queueType": .string(queueKind.rawValue), "rounds": .number(JSONNumber(Int64(group.rounds.count))),
            "sagasPerSecond": number(figures.perSecond.median), "least": number(figures.perSecond.least),
            "most": number(figures.perSecond.most), "toBare": ratio(group.system, group.window).map(number) ?? .null,
            "p50Milliseconds": number(figures.p50), "p99Milliseconds": number(figures.p99),
            "p999Milliseconds": number(figures.p999), "workerMicroseconds": number(figures.worker),
            "participantMicroseconds": number(figures.participants), "brokerMicroseconds": number(figures.broker),
            "bytesWritten": number(figures.bytes), "commits": number(figures.commits), "fsyncs": number(figures.syncs),
            "workerMegabytes": number(figures.resident),
        ]
    }
}
