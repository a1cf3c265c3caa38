import SagaCore

/// Sends mutated messages to a real system, round after round, until it has sent enough or found something.
///
/// Each round has a system of its own in memory and a seed of its own, so that what one has found can be run again
/// alone.
package struct FuzzRun: Sendable {
    package let definitions: [SagaDefinition]
    /// How long to wait for an answer before a consumer counts as wedged.
    package var patience: Duration = .seconds(120)

    package static let mutantsPerRound = 1000

    /// - Parameter definitions: `place-order` and `cancel-order` among them.
    package init(definitions: [SagaDefinition]) { self.definitions = definitions }

    package struct Report: Sendable {
        package var rounds = 0
        /// Mutants, and valid messages beside them.
        package var mutants = 0
        package var neighbours = 0
        package var tally = FuzzTally()
        package var failure: FuzzCase?

        package init() {}
    }

    /// Blocks; call it on a thread of its own.
    ///
    /// - Parameters:
    ///   - begins: told before each round; a process that dies in it can be asked for the round again.
    ///   - progress: told after each round how many messages have been sent.
    package func run(
        seed: UInt64, messages: Int, begins: (FuzzCase) throws -> Void = { _ in }, progress: (Int) -> Void = { _ in }
    ) throws -> Report {
        var report = Report()
        var seeds = SplitMix64(seed: seed)
        while report.mutants < messages {
            let size = min(Self.mutantsPerRound, messages - report.mutants)
            let round = FuzzCase(seed: seeds.next(), mutants: size, messages: nil, findings: [])
            try begins(round)
            let (findings, tally, sent) = try run(round)
            report.rounds += 1
            report.mutants += size
            report.neighbours += sent - size
            report.tally.add(tally)
            progress(report.mutants)
            guard findings.isEmpty else {
                report.failure = try shrink(round, findings)
                return report
            }
        }
        return report
    }

    /// Runs one case again.
    package func replay(_ failure: FuzzCase) throws -> [FuzzFinding] { try run(failure).findings }

    private func run(_ round: FuzzCase) throws -> (findings: [FuzzFinding], tally: FuzzTally, sent: Int) {
        let plan = round.plan
        let run = try FuzzRound(plan, definitions: definitions, patience: patience)
        try run.run()
        return (run.findings, run.tally, plan.messages.count)
    }

    // MARK: Shrinking

    /// The fewest mutants that were found to do the same: those that a finding names, or else what is left when ever
    /// smaller parts are left out.
    private func shrink(_ round: FuzzCase, _ findings: [FuzzFinding]) throws -> FuzzCase {
        var smallest = round
        smallest.findings = findings
        // What hangs takes all the patience there is each time, and leaves its threads behind.
        guard !findings.contains(where: { $0.kind == .wedged }) else { return smallest }
        func shows(_ numbers: [Int]) throws -> Bool {
            var tried = round.keeping(numbers)
            tried.findings = try run(tried).findings
            let isTheSame = tried.findings.contains { finding in findings.contains { $0.kind == finding.kind } }
            if isTheSame { smallest = tried }
            return isTheSame
        }
        let named = Set(findings.compactMap(\.number)).sorted()
        if !named.isEmpty, try shows(named) { return smallest }
        var numbers = Array(0..<round.mutants)
        var part = numbers.count / 2
        var tries = 40
        while part > 0 {
            var start = 0
            while start < numbers.count, tries > 0 {
                tries -= 1
                let rest = Array(numbers[..<start] + numbers[min(numbers.count, start + part)...])
                if try shows(rest) { numbers = rest } else { start += part }
            }
            part /= 2
        }
        return smallest
    }
}

/// A round as it can be run again: from a file, on another machine.
package struct FuzzCase: Sendable {
    let seed: UInt64
    /// How many mutants the round had; the valid messages depend on it.
    let mutants: Int
    /// Those that are sent; nil: all that the seed gives.
    package let messages: [FuzzMessage]?
    package var findings: [FuzzFinding]

    var plan: FuzzPlan {
        guard let messages else { return FuzzPlan(seed: seed, mutants: mutants) }
        return FuzzPlan(seed: seed, mutants: messages, of: mutants)
    }

    func keeping(_ numbers: [Int]) -> FuzzCase {
        FuzzCase(
            seed: seed, mutants: mutants, messages: numbers.map { FuzzPlan.mutant($0, seed: seed) }, findings: findings)
    }

    init(seed: UInt64, mutants: Int, messages: [FuzzMessage]?, findings: [FuzzFinding]) {
        self.seed = seed
        self.mutants = mutants
        self.messages = messages
        self.findings = findings
    }

    /// The file a person sends to whoever mends it.
    package var json: JSONValue {
        var object: JSONObject = [
            // Seeds use all 64 bits.
            "seed": .string("\(seed)"), "mutants": .number(JSONNumber(Int64(mutants))),
            "findings": .array(findings.map { .string("\($0)") }),
        ]
        object["messages"] = messages.map { .array($0.map(\.json)) }
        return .object(object)
    }

    package init?(json: JSONValue) {
        guard let seed = json["seed"]?.string.flatMap({ UInt64($0) }), let mutants = json["mutants"]?.int64,
            (1...1_000_000).contains(mutants)
        else { return nil }
        var messages: [FuzzMessage]?
        if let list = json["messages"]?.array {
            messages = list.compactMap(FuzzMessage.init(json:))
            guard messages?.count == list.count else { return nil }
        }
        self.init(seed: seed, mutants: Int(mutants), messages: messages, findings: [])
    }
}
