import SagaCore

/// What an event of a saga's history means, in one line of plain words, safe for a terminal.
struct EventWords {
    let definition: SagaDefinition
    /// What times are told relative to.
    let now: Timestamp

    func text(_ event: SagaEvent) -> String {
        switch event {
        case .started(let start): started(start)
        case .sent(let sent): self.sent(sent)
        case .backedOff(let step, let kind, let until, let error):
            "\(name(step)): \(subject(step, kind)) is not settled, \(error.words); again at \(clock(until))"
        case .rearmed(let step, let kind, let until):
            "\(name(step)): \(subject(step, kind)) had not left, or its reply could not arrive; "
                + "waits anew until \(clock(until))"
        case .succeeded(let step, let kind, let output, let contradicts):
            "\(name(step)): \(succeeded(step, kind))\(contradicts ? ", after it had been refused" : "")"
                + (output.map { $0.object?.isEmpty == true ? "" : " \($0.shown(upTo: 120))" } ?? "")
        case .failed(let step, let kind, let error):
            "\(name(step)): \(participant(step)) refused \(subject(step, kind)), \(error.words)"
        case .unsettled(let step, let kind, let error):
            "\(name(step)): \(subject(step, kind)) gets no further attempt, \(error.words); its outcome is unknown"
        case .rollbackStarted(let rollback): "goes back: \(rollbackWords(rollback))"
        case .stuck(let step, let error):
            "\(step.map { "\(name($0)): " } ?? "")stuck, needs an operator: \(error.words)"
        case .proceeded: "nothing stuck remains: it goes on"
        case .retried(let step, let kind, let round):
            "\(name(step)): \(subject(step, kind)) starts afresh\(round > 1 ? ", round \(round)" : "")"
        case .decisionPending(let step, let decision):
            "\(name(step)): the operator's word (\(decision.claim.words)) waits for \(participant(step)) to close it"
        case .decisionLapsed(let step):
            "\(name(step)): \(participant(step)) did not answer; the operator's word is void"
        case .resolved(let step, let kind, let claim, _):
            "\(name(step)): \(subject(step, kind)) settled by an operator's word: \(claim.words)"
        case .paused: "paused"
        case .resumed(let milliseconds): "resumed after \(TimeText.rough(milliseconds))"
        case .cancelRequested: "will be cancelled on resume"
        case .requested(let request, let answer): requested(request, answer)
        case .noted(let step, let kind, let outcome):
            "\(name(step)): a late reply to \(subject(step, kind)) (\(outcome.rawValue)) changes nothing"
        case .completed: "completed"
        case .compensated: "compensated: everything is undone"
        case .abandoned(let reason, let certain, let possible):
            "abandoned: \(reason.shown(upTo: 200)); effects that stay: \(names(certain)); still possible: \(names(possible))"
        }
    }

    func rollbackWords(_ rollback: Rollback) -> String {
        let step = rollback.step
        let who = step.map { participant($0) } ?? "a participant"
        let what = step.map { name($0) } ?? "a step"
        let error = rollback.error.map { ", \($0.words)" } ?? ""
        return switch rollback.reason {
        case .stepFailed: "\(who) refused \(what)\(error)"
        case .attemptsUsedUp: "\(who) settled no attempt of \(what)\(error)"
        case .deadline: "not past the point of no return by its deadline"
        case .cancelled: "cancelled by an operator"
        case .outputMissing: "\(what) succeeded without what later steps need\(error)"
        }
    }

    func name(_ step: Int) -> String { definition.steps[step].name }
    func participant(_ step: Int) -> String { definition.steps[step].participant }

    func names(_ steps: StepSet) -> String {
        steps.isEmpty ? "none" : steps.map { name($0) }.joined(separator: ", ")
    }

    /// The command's name as participants know it.
    func command(_ step: Int, _ kind: CommandID.Kind) -> String {
        switch (kind, definition.steps[step].compensation) {
        case (.action, _): definition.steps[step].action
        case (.compensation, .command(let command)): command
        case (.compensation, .none): "its compensation"
        case (.fence, _): "skald.fence"
        }
    }

    private func subject(_ step: Int, _ kind: CommandID.Kind) -> String {
        kind == .fence ? "the question what became of it" : command(step, kind)
    }

    private func clock(_ time: Timestamp) -> String { TimeText.clock(time, now: now, withMilliseconds: true) }

    private func started(_ start: SagaStart) -> String {
        var text = "started with key \(start.key.shown(upTo: 60)), request \(start.requestID.shown(upTo: 60))"
        if let again = start.again { text += ", again for \(again)" }
        if let deadline = start.deadlineAt { text += "; deadline \(clock(deadline))" }
        return text
    }

    private func sent(_ sent: SentCommand) -> String {
        let step = sent.step
        let round = sent.round > 1 ? ", round \(sent.round)" : ""
        let what =
            switch sent.kind {
            case .action: "\(command(step, .action)) sent to \(participant(step))"
            case .compensation: "\(command(step, .compensation)) sent to \(participant(step)) to undo it"
            case .fence:
                "\(participant(step)) asked what became of it\(sent.closesStep ? ", and to close it for good" : "")"
            }
        return "\(name(step)): \(what) (attempt \(sent.attempt)\(round)); reply due by \(clock(sent.timeoutAt))"
    }

    private func succeeded(_ step: Int, _ kind: CommandID.Kind) -> String {
        switch kind {
        case .action: "\(command(step, kind)) took effect"
        case .compensation: "undone"
        case .fence: "\(participant(step)) answered that it took effect"
        }
    }

    private func requested(_ request: OperatorRequest, _ answer: OperatorAnswer) -> String {
        let who = request.author?.shown(upTo: 40) ?? "an operator"
        let step = request.step.map { " \($0.shown(upTo: 64))" } ?? ""
        let claim = request.claim.map { " as \($0.rawValue)" } ?? ""
        let reason = request.reason.map { " (\($0.shown(upTo: 200)))" } ?? ""
        let result =
            switch answer {
            case .applied(let text): text.escapedForTerminal
            case .refused(let refusal): "refused, \(refusal.description.escapedForTerminal)"
            }
        return "\(who): \(request.verb.rawValue)\(step)\(claim)\(reason): \(result)"
    }
}

extension StepError {
    /// `CARD_DECLINED (the card was declined)`.
    var words: String {
        message.isEmpty ? code.shown(upTo: 80) : "\(code.shown(upTo: 80)) (\(message.shown(upTo: 300)))"
    }
}

extension JSONValue {
    func shown(upTo limit: Int) -> String { text.shown(upTo: limit) }
}

extension PendingDecision.Claim {
    var words: String {
        switch self {
        case .skip: "skip"
        case .succeeded: "it succeeded"
        case .failed: "it failed"
        }
    }
}
