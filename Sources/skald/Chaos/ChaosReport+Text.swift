import SagaCore
import SagaStore

extension ChaosReport {
    func lines(paint: Paint) -> [String] {
        var lines = [
            paint(
                "\(sagas.count) sagas in \(seconds(fed - began)) of chaos, seed \(scenario.seed), "
                    + "and \(seconds(rested - fed)) to come to rest", .bold)
        ]
        for (status, count) in counts {
            lines.append("  \(count) \(status.rawValue)")
        }
        lines.append(
            "  \(tally.asked) starts asked for, \(tally.repeats) times again; "
                + "\(tally.conflicts) with another's key refused")
        lines += ["", paint("\(entries.count) faults, \(kills) processes killed with kill -9", .bold)]
        for (kind, count, kills) in faultCounts {
            let died = kills > 0 ? ", \(kills) killed" : ""
            lines.append("  \(kind.rawValue): \(count)\(died)")
        }
        if !notes.isEmpty {
            lines += ["", paint("Noticed", .bold)]
            lines += notes.prefix(10).map { "  " + $0.shown(upTo: 200) }
            if notes.count > 10 { lines.append("  … and \(notes.count - 10) more; --json has all") }
        }
        lines += ["", paint("Checks", .bold)]
        for (rule, words) in Self.rules {
            let found = violations(of: rule).count
            lines.append(
                found == 0
                    ? "  \(rule) holds: \(words)" : paint("  \(rule) WRONG \(found) times: \(words)", .red))
        }
        for rule in Set(violations.map(\.rule)).subtracting(Self.rules.map(\.0)).sorted() {
            lines.append(paint("  \(rule) WRONG \(violations(of: rule).count) times", .red))
        }
        lines += violationLines(paint)
        if !stuck.isEmpty {
            let few = stuck.prefix(5).map(\.id.description).joined(separator: " ")
            lines.append("  \(stuck.count) stuck, waiting for an operator: \(few)\(stuck.count > 5 ? " …" : "")")
        }
        return lines
    }

    private func violationLines(_ paint: Paint) -> [String] {
        guard !violations.isEmpty else { return [] }
        var lines = ["", paint("\(violations.count) violations", .red)]
        var shown: Set<SagaID> = []
        for violation in violations.prefix(20) {
            lines.append("  \(violation.rule) \(violation.text)".escapedForTerminal)
            for saga in violation.sagas where shown.insert(saga).inserted {
                lines += (histories[saga] ?? []).map { "      " + $0 }
            }
        }
        if violations.count > 20 { lines.append("  … and \(violations.count - 20) more; --json has all") }
        return lines
    }

    func seconds(_ milliseconds: Int64) -> String { "\(milliseconds / 1000) s" }
}
