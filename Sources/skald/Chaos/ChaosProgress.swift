import SagaCore

/// One line that changes on a terminal; elsewhere a line every few seconds, on standard error.
struct ChaosProgress {
    private let scenario: ChaosScenario
    /// When the feeding began; nil once it is over.
    private let from: Int64?
    private var shownAt: ContinuousClock.Instant?

    private static let pause = Duration.seconds(10)

    init(_ scenario: ChaosScenario, from: Int64?) {
        self.scenario = scenario
        self.from = from
    }

    mutating func show(_ journal: ChaosJournal, _ tally: OrderFeeder.Tally, _ sample: SystemSampler.Sample?) {
        let terminal = Terminal.standardError
        let now = ContinuousClock.now
        if let shownAt, now - shownAt < (terminal.isInteractive ? .milliseconds(200) : Self.pause) { return }
        shownAt = now
        let line = text(journal, tally, sample)
        if terminal.isInteractive {
            terminal.write("\r\u{1b}[K" + line.shown(upTo: 140))
        } else {
            terminal.line(line)
        }
    }

    private func text(
        _ journal: ChaosJournal, _ tally: OrderFeeder.Tally, _ sample: SystemSampler.Sample?
    ) -> String {
        var words: [String] = []
        if let from {
            let seconds = (journal.now - from) / 1000
            words.append(scenario.orders == nil ? "\(seconds) of \(scenario.milliseconds / 1000) s" : "\(seconds) s")
        } else {
            words.append("coming to rest")
        }
        words.append("\(tally.accepted.count) sagas accepted")
        if let sample { words.append("\(sample.open) open, \(sample.stuck) stuck, outbox \(sample.outbox)") }
        if tally.unanswered > 0 { words.append("\(tally.unanswered) starts unanswered") }
        words.append("\(journal.entries.count) faults, \(journal.kills) kills")
        let violations = journal.violations.count
        if violations > 0 { words.append("\(violations) VIOLATIONS") }
        let running = journal.running
        if !running.isEmpty { words.append("now: " + running.joined(separator: ", ")) }
        return words.joined(separator: "; ")
    }

    /// Takes the line away again.
    func clear() {
        if Terminal.standardError.isInteractive { Terminal.standardError.write("\r\u{1b}[K") }
    }
}
