import SagaCore
import SagaStore

extension SagaReport {
    /// The whole report, line by line.
    func lines(paint: Paint) -> [String] {
        var lines = [
            paint(
                "Saga \(state.id), \(state.definition.name) \(state.definition.version), "
                    + "key \(state.key.shown(upTo: 60))", .bold),
            paint(sentence, state.status.style),
        ]
        lines += why.map { "  \($0)" }
        lines.append(
            paint(
                "  Started \(TimeText.full(state.startedAt)) UTC; \(state.sequence) events, "
                    + "the last at \(TimeText.full(state.updatedAt)).", .dim))
        func section(_ title: String, _ content: [String]) {
            guard !content.isEmpty else { return }
            lines += ["", paint(title, .bold)] + content.map { "  \($0)" }
        }
        section("Steps", stepTable(paint))
        let title = state.status == .completed ? "Took effect" : "Took effect and not undone"
        section(title, effectLines(effects.certain))
        section("May have taken effect", effectLines(effects.possible))
        section(
            "Undone",
            effects.undone.map {
                "\(words.name($0)): \(words.command($0, .action)), undone by \(words.command($0, .compensation))"
            })
        guard let present else { return lines }
        section("What happens next by itself", present.outlook.lines)
        section("What you can do now", moveLines(present, paint))
        if !state.status.isTerminal {
            section("Not possible now", refusalLines(present.moves).map { paint($0, .dim) })
        }
        section(
            "Other sagas with this key",
            present.surroundings.others.map { other in
                "\(other.id)  \(other.name) \(other.version)  \(other.status.rawValue)  "
                    + "started \(TimeText.full(other.startedAt))".escapedForTerminal
            })
        return lines
    }

    private func stepTable(_ paint: Paint) -> [String] {
        let hasUndo = timelines.contains { $0.sent[.compensation] != nil }
        var header = ["STEP", "KIND", "STATUS", "SENT"]
        if hasUndo { header.append("UNDO SENT") }
        header += ["STARTED", "SETTLED", "NEXT", "LAST ERROR"]
        var table = TextTable(header: header)
        for (index, step) in state.steps.enumerated() {
            let definition = state.definition.steps[index]
            let timeline = timelines[index]
            var row = [
                definition.name, definition.kind.rawValue,
                step.status.rawValue + (isStuck(step) ? " (stuck)" : ""), sent(index, .action),
            ]
            if hasUndo { row.append(sent(index, .compensation)) }
            row += [
                clock(timeline.startedAt), clock(timeline.settledAt), next(index),
                timeline.lastError.map { $0.code.shown(upTo: 40) } ?? "",
            ]
            table.add(row)
        }
        return table.lines(paint: paint) { line, column in
            guard line > 0, column == 2 else { return nil }
            let step = state.steps[line - 1]
            return isStuck(step) ? .red : step.status.style
        }
    }

    private func isStuck(_ step: StepState) -> Bool { step.problem != nil && !state.status.isTerminal }

    /// How often, and in how many rounds.
    private func sent(_ index: Int, _ kind: CommandID.Kind) -> String {
        guard let count = timelines[index].sent[kind] else { return "" }
        let round = state.steps[index][kind].round
        return round > 1 ? "\(count) in \(round) rounds" : "\(count)"
    }

    private func clock(_ time: Timestamp?) -> String {
        time.map { TimeText.clock($0, now: now, withMilliseconds: true) } ?? ""
    }

    private func next(_ index: Int) -> String {
        let step = state.steps[index]
        let waits = CommandID.Kind.allCases.compactMap { kind in step[kind].wakeAt.map { (step[kind], kind, $0) } }
        guard let (progress, kind, time) = waits.min(by: { $0.2 < $1.2 }) else { return "" }
        let what = kind == .fence ? "fence " : ""
        if present?.surroundings.held.contains(state.command(index, kind)) == true { return "\(what)held back" }
        return what + (progress.isInFlight ? "reply by " : "again ") + TimeText.clock(time, now: now)
    }

    private func effectLines(_ steps: StepSet) -> [String] {
        guard !steps.isEmpty else { return [] }
        var table: [String] = []
        for index in steps {
            let definition = state.definition.steps[index]
            let output = state.steps[index].output.flatMap { $0.object?.isEmpty == true ? nil : $0.shown(upTo: 160) }
            let undo =
                switch definition.compensation {
                case .command(let command): undoWords(command, state.steps[index])
                case .none: ""
                }
            table.append("\(definition.name): \(definition.action)\(undo)\(output.map { " → \($0)" } ?? "")")
        }
        return table
    }

    /// What is to be expected of the command that would undo it.
    private func undoWords(_ command: String, _ step: StepState) -> String {
        switch step.status {
        case .compensationFailed: ", \(command) has failed"
        case .compensating: ", being undone by \(command)"
        default:
            if state.status.isTerminal {
                ""
            } else if state.rollback != nil {
                ", to be undone by \(command)"
            } else if state.canGoBack {
                ", undone by \(command) if it goes back"
            } else {
                ""
            }
        }
    }

    private func moveLines(_ present: Present, _ paint: Paint) -> [String] {
        if let again = present.startAgain(state) {
            return [paint(again, .cyan), "    start a successor, with the input corrected or as it was"]
        }
        return present.moves.safe.flatMap { move in
            [
                paint(move.command(for: state.id, flags: present.surroundings.flags), .cyan),
                "    \(move.purpose) → \(move.answer)\(consequences(move))",
            ]
        }
    }

    private func consequences(_ move: SafeMove) -> String {
        var parts: [String] = []
        if !move.sent.isEmpty { parts.append(sends(move.sent)) }
        if move.statusAfter != state.status, move.request.verb != .abandon {
            parts.append("then \(move.statusAfter.rawValue)")
        }
        if let outcome = move.onceClosed {
            let then =
                outcome.sent.isEmpty
                ? outcome.status.rawValue : "\(sends(outcome.sent)); then \(outcome.status.rawValue)"
            parts.append("once that is answered: \(then)")
        }
        return parts.map { "; \($0)" }.joined()
    }

    private func sends(_ commands: [OutgoingCommand]) -> String {
        let names = commands.map { command in
            let round = command.id.round > 1 && command.action != nil ? ", round \(command.id.round)" : ""
            return "\(command.action ?? "skald.fence") to \(command.participant)\(round)"
        }
        return "sends \(names.joined(separator: ", "))"
    }

    /// One line for each reason.
    private func refusalLines(_ moves: SagaMoves) -> [String] {
        var verbs: [(why: String, verbs: [String])] = []
        for (verb, why) in moves.refused {
            if let index = verbs.firstIndex(where: { $0.why == why }) {
                verbs[index].verbs.append(verb.rawValue)
            } else {
                verbs.append((why, [verb.rawValue]))
            }
        }
        return verbs.map { "\($0.verbs.joined(separator: ", ")): \($0.why)" }
    }
}

extension SagaState {
    /// Before the point of no return, and past it while the pivot can still turn out to have failed (rule 6).
    fileprivate var canGoBack: Bool {
        guard isPastPointOfNoReturn else { return true }
        guard let pivot = definition.steps.firstIndex(where: { $0.kind == .pivot }) else { return false }
        return steps[pivot].status != .succeeded && steps[pivot].status != .skipped
    }
}
