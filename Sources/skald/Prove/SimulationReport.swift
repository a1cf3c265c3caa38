import SagaCore
import SagaSimulator

/// What a campaign of simulations came to; of the first failing seed a timeline, made small.
struct SimulationReport {
    let campaign: Campaign
    let tally: Campaign.Tally
    let seconds: Double

    func show(asJSON isJSON: Bool) throws {
        let shrunk = try tally.failing.first.map { try Shrinking.of($0, definitions: campaign.definitions) }
        if isJSON {
            Terminal.standardOutput.json(json(shrunk))
        } else {
            try show(shrunk)
        }
        if let broken = tally.broken.first { throw CommandFailure(.refused, "cannot simulate: \(broken)") }
        guard tally.failing.isEmpty else {
            throw CommandFailure(.refused, "\(tally.failing.count) of \(tally.seeds) seeds fail")
        }
    }

    private func show(_ shrunk: Verdict?) throws {
        let out = Terminal.standardOutput
        let rate = Int(Double(tally.seeds) / max(seconds, 0.001))
        out.line(
            out.style(
                "\(tally.seeds) seeds of \"\(campaign.scenario.name)\" in \(seconds.oneDecimal) s, \(rate) a second",
                .bold))
        out.line(
            "  \(tally.events) events over \(tally.virtualMilliseconds / 3_600_000) simulated hours")
        for status in SagaStatus.allCases {
            if let count = tally.statuses[status] { out.line("  \(count) sagas \(status.rawValue)") }
        }
        for fault in SimulatedFault.allCases {
            if let count = tally.faults[fault] { out.line("  \(count) × \(fault.rawValue)") }
        }
        guard let first = tally.failing.first, let shrunk else {
            return out.line(out.style("  every check holds", .green))
        }
        out.line()
        out.line(out.style("Seed \(first.plan.seed) fails", .red))
        for violation in first.violations.prefix(10) { out.line("  \(violation)".escapedForTerminal) }
        out.line()
        out.line(out.style("Made small", .bold))
        _ = try Simulation.run(shrunk.plan, on: Databases(), definitions: campaign.definitions) {
            out.line("  \($0)".escapedForTerminal)
        }
        for violation in shrunk.violations.prefix(10) {
            out.line(out.style("  VIOLATED  \(violation)".escapedForTerminal, .red))
        }
        out.line()
        out.line("Run it again:  \(command(for: shrunk.plan))")
    }

    /// The command that does the same again.
    private func command(for plan: Plan) -> String {
        let faults = SimulatedFault.allCases.filter { plan.rates[$0] ?? 0 > 0 }.map(\.rawValue).joined(separator: ",")
        let only = faults.isEmpty ? " --fault-limit 0" : " --only \(faults)"
        let limit = plan.faultLimit == .max ? "" : " --fault-limit \(plan.faultLimit)"
        return """
            skald simulate --scenario \(campaign.scenario.name) --seed \(plan.seed) --orders \(plan.orders) \
            --until \(plan.faultMilliseconds)ms\(only)\(faults.isEmpty ? "" : limit) --trace
            """
    }

    private func json(_ shrunk: Verdict?) -> JSONValue {
        var statuses = JSONObject()
        for status in SagaStatus.allCases { statuses[status.rawValue] = tally.statuses[status].map(number) }
        var faults = JSONObject()
        for fault in SimulatedFault.allCases { faults[fault.rawValue] = tally.faults[fault].map(number) }
        return [
            "scenario": .string(campaign.scenario.name), "seeds": number(tally.seeds), "events": number(tally.events),
            "simulatedSeconds": number(Int(tally.virtualMilliseconds / 1000)),
            "seconds": .number(JSONNumber(Int64(seconds))), "sagas": .object(statuses), "faults": .object(faults),
            "failing": .array(
                tally.failing.map { verdict in
                    [
                        "seed": .string("\(verdict.plan.seed)"),
                        "violations": .array(verdict.violations.map { .string($0) }),
                    ]
                }),
            "replay": shrunk.map { .string(command(for: $0.plan)) } ?? .null,
        ]
    }

    private func number(_ value: Int) -> JSONValue { .number(JSONNumber(Int64(value))) }
}
