import Foundation
import SagaCore

/// Medians over the rounds, and their ratios to the bare relay.
struct BenchReport {
    /// What was measured of a worker on a file with many finished sagas.
    struct Filled {
        let sagas: Int
        let bytes: Int64
        /// Seconds until the worker takes messages: on the empty file, and on the other.
        let emptyStarts: [Double]
        let filledStarts: [Double]
    }

    private typealias Group = (system: BenchSystem, load: BenchLoad, rounds: [BenchMeasurement])

    private let groups: [Group]
    private let queueKind: QueueKindArgument
    private let seconds: Double
    var filled: Filled?

    init(_ measured: [BenchMeasurement], queueKind: QueueKindArgument, seconds: Double) {
        var groups: [Group] = []
        var loads: [BenchLoad] = []
        for measurement in measured {
            if !loads.contains(measurement.load) { loads.append(measurement.load) }
            if let place = groups.firstIndex(where: {
                $0.system == measurement.system && $0.load == measurement.load
            }) {
                groups[place].rounds.append(measurement)
            } else {
                groups.append((measurement.system, measurement.load, [measurement]))
            }
        }
        func order(_ group: Group) -> (Int, Int) {
            (loads.firstIndex(of: group.load) ?? 0, BenchSystem.allCases.firstIndex(of: group.system) ?? 0)
        }
        self.groups = groups.sorted { order($0) < order($1) }
        self.queueKind = queueKind
        self.seconds = seconds
    }

    func show(asJSON: Bool) {
        let out = Terminal.standardOutput
        guard !asJSON else { return out.line(JSONValue.array(groups.map(json)).text) }
        out.line("\(queueKind.rawValue) queues, \(groups.first?.rounds.count ?? 0) rounds of \(seconds) s")
        for line in tableOfFlights() + tableOfRates() + linesOfFilled() { out.line(line) }
        out.line("Processor time, bytes, commits and fsyncs are for each saga.")
    }

    // MARK: Figures

    /// Median of sagas a second, in the order of the table.
    var throughput: [(system: BenchSystem, window: Int, perSecond: Double)] {
        groups.compactMap { group in
            group.load.window.map { (group.system, $0, Spread(group.rounds.map(\.perSecond)).median) }
        }
    }

    /// Of a system's throughput to another's under the same load; nil where one of them was not measured.
    func ratio(_ system: BenchSystem, to other: BenchSystem, _ load: BenchLoad) -> Double? {
        guard system != other, let own = rate(system, load), let base = rate(other, load), base > 0 else { return nil }
        return own / base
    }

    private func rate(_ system: BenchSystem, _ load: BenchLoad) -> Double? {
        groups.first { $0.system == system && $0.load == load }.map { Spread($0.rounds.map(\.perSecond)).median }
    }

    private struct Figures {
        let perSecond: Spread
        let due: Double
        let p50, p99, p999: Double
        let p99ToP50: Spread
        let worker, participants, broker: Double
        let bytes, commits, syncs: Double
        let resident: Double

        init(_ group: Group) {
            func median(_ value: (BenchMeasurement) -> Double) -> Double { Spread(group.rounds.map(value)).median }
            let system = group.system
            perSecond = Spread(group.rounds.map(\.perSecond))
            due = median { $0.turn.perSecondDue }
            p50 = median { Double($0.latency(0.5)) / 1000 }
            p99 = median { Double($0.latency(0.99)) / 1000 }
            p999 = median { Double($0.latency(0.999)) / 1000 }
            p99ToP50 = Spread(group.rounds.map(\.p99ToP50))
            worker = median { $0.cpu { $0 == system.orchestrator } }
            broker = median { $0.cpu { $0 == .broker } }
            participants = median { $0.cpu { system.participants.contains($0) } }
            bytes = median(\.bytesWritten)
            commits = median(\.commits)
            syncs = median(\.syncs)
            resident = median { Double($0.workerResidentBytes) / 1_048_576 }
        }
    }

    // MARK: Text

    private static let costs = ["WORKER µS", "PARTICIPANTS", "BROKER", "KB", "COMMITS", "FSYNCS", "RSS MB"]

    private func costs(_ system: BenchSystem, _ figures: Figures) -> [String] {
        [
            text(figures.worker), text(figures.participants), text(figures.broker), text(figures.bytes / 1024, 1),
            system == .bare ? "" : text(figures.commits, 2), system == .bare ? "" : text(figures.syncs, 2),
            text(figures.resident),
        ]
    }

    private func text(_ value: Double, _ digits: Int = 0) -> String { String(format: "%.\(digits)f", value) }

    private func text(_ spread: Spread, _ digits: Int = 0) -> String {
        "(\(text(spread.least, digits))–\(text(spread.most, digits)))"
    }

    private func tableOfFlights() -> [String] {
        var table = TextTable(
            header: ["IN FLIGHT", "SYSTEM", "SAGAS/S", "(MIN–MAX)", "÷ BARE", "P50 MS", "P99 MS", "P99.9"] + Self.costs)
        let groups = groups.filter { $0.load.window != nil }
        for group in groups {
            let figures = Figures(group)
            table.add(
                [
                    group.load.text, group.system.rawValue, text(figures.perSecond.median), text(figures.perSecond),
                    ratio(group.system, to: .bare, group.load).map { text($0, 2) } ?? "",
                    text(figures.p50, 1), text(figures.p99, 1), text(figures.p999, 1),
                ] + costs(group.system, figures))
        }
        return groups.isEmpty ? [] : table.lines()
    }

    private func tableOfRates() -> [String] {
        var table = TextTable(
            header: [
                "LOAD", "SYSTEM", "DUE/S", "ENDED/S", "P50 MS", "P99 MS", "P99.9", "P99÷P50", "(MIN–MAX)",
            ] + Self.costs)
        let groups = groups.filter { $0.load.window == nil }
        for group in groups {
            let figures = Figures(group)
            table.add(
                [
                    group.load.text, group.system.rawValue, text(figures.due), text(figures.perSecond.median),
                    text(figures.p50, 1), text(figures.p99, 1), text(figures.p999, 1),
                    text(figures.p99ToP50.median, 1), text(figures.p99ToP50, 1),
                ] + costs(group.system, figures))
        }
        return groups.isEmpty ? [] : table.lines() + ["Latency counts from when a saga was due to begin."]
    }

    private func linesOfFilled() -> [String] {
        guard let filled else { return [] }
        let ratios = groups.filter { $0.system == .filled }.compactMap { group in
            ratio(.filled, to: .worker, group.load).map { "\(text($0, 2)) at \(group.load.text)" }
        }
        func starts(_ seconds: [Double]) -> String {
            let spread = Spread(seconds)
            return "\(text(spread.median, 2)) s \(text(spread, 2))"
        }
        return [
            "filled: \(filled.sagas) finished sagas in the file, \(text(Double(filled.bytes) / 1e9, 1)) GB",
            "filled ÷ worker: \(ratios.joined(separator: ", "))",
            "a start takes \(starts(filled.filledStarts)), on the empty file \(starts(filled.emptyStarts))",
        ]
    }

    // MARK: JSON

    private func json(_ group: Group) -> JSONValue {
        let figures = Figures(group)
        var json: JSONObject = [
            "system": .string(group.system.rawValue), "queueType": .string(queueKind.rawValue),
            "rounds": .number(JSONNumber(Int64(group.rounds.count))),
            "sagasPerSecond": .measured(figures.perSecond.median), "least": .measured(figures.perSecond.least),
            "most": .measured(figures.perSecond.most),
            "p50Milliseconds": .measured(figures.p50), "p99Milliseconds": .measured(figures.p99),
            "p999Milliseconds": .measured(figures.p999), "p99ToP50": .measured(figures.p99ToP50.median),
            "workerMicroseconds": .measured(figures.worker),
            "participantMicroseconds": .measured(figures.participants),
            "brokerMicroseconds": .measured(figures.broker), "bytesWritten": .measured(figures.bytes),
            "commits": .measured(figures.commits), "fsyncs": .measured(figures.syncs),
            "workerMegabytes": .measured(figures.resident),
        ]
        if let window = group.load.window {
            json["inFlight"] = .number(JSONNumber(Int64(window)))
            json["toBare"] = ratio(group.system, to: .bare, group.load).map { .measured($0) } ?? .null
        } else {
            json["load"] = .string(group.load.text)
            json["duePerSecond"] = .measured(figures.due)
        }
        if group.system == .filled, let filled {
            json["finishedSagas"] = .number(JSONNumber(Int64(filled.sagas)))
            json["toWorker"] = ratio(.filled, to: .worker, group.load).map { .measured($0) } ?? .null
            json["startSeconds"] = .measured(Spread(filled.filledStarts).median)
            json["startSecondsOfEmpty"] = .measured(Spread(filled.emptyStarts).median)
        }
        return .object(json)
    }
}

extension JSONValue {
    /// To three digits behind the point.
    static func measured(_ value: Double) -> JSONValue {
        (try? JSONValue.parse(Array(String(format: "%.3f", value).utf8))) ?? .null
    }
}
