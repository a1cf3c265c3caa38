import OrderServices
import SagaCore

/// Rules 7 and 16 to 19 at rest: a participant's barrier says what its answers have said, and what its calls have come
/// to.
struct BarrierCheck {
    let name: String
    let watch: ParticipantWatch
    let barrier: BarrierRows
    let causes: ServiceCauses

    func violations() -> [String] { contradictions() + answers() + calls() }

    /// What is closed never happens; what is undone had been done, or is closed.
    private func contradictions() -> [String] {
        var violations: [String] = []
        for place in barrier.places.keys {
            let what = "\(place.saga)/\(place.step)"
            for kind in [CommandID.Kind.action, .compensation] where barrier.isClosed(place, kind) {
                guard let row = barrier.rows(place, kind).first(where: { ["started", "succeeded"].contains($0.state) })
                else { continue }
                violations.append("rule 17: the \(kind) of \(what) is closed, and \(row.state)")
            }
            if let action = barrier.success(place, .action), !action.hadEffect {
                violations.append("rule 16: the action of \(what) succeeded without effect")
            }
            guard let undone = barrier.success(place, .compensation) else { continue }
            if undone.hadEffect != (barrier.success(place, .action) != nil) {
                let effect = undone.hadEffect ? "though nothing was done" : "as if nothing was done"
                violations.append("rule 17: \(what) was undone \(effect)")
            }
        }
        return violations.sorted()
    }

    /// Rule 16: every final answer is kept, for longer than any simulation lasts.
    private func answers() -> [String] {
        watch.answers.sorted { $0.key < $1.key }.compactMap { _, answer in
            isKept(answer) ? nil : "rule 16: \(name) answered \(answer.command) \(answer.shown), and keeps no record"
        }
    }

    private func isKept(_ answer: ParticipantWatch.Answer) -> Bool {
        let id = answer.command
        let place = BarrierRows.Place(saga: id.saga, step: id.step)
        let isUndone = barrier.success(place, .compensation) != nil
        switch (id.kind, answer.outcome) {
        case (.fence, .succeeded):
            return barrier.success(place, .action) != nil && closesWhole(id, place, isUndone)
        case (.fence, .failed) where answer.code == RefusalCode.fenced.rawValue:
            return (isUndone || barrier.isClosed(place, .action)) && closesWhole(id, place, isUndone)
        case (_, .succeeded):
            return barrier.success(place, id.kind)?.result == String(decoding: answer.body, as: UTF8.self)
        case (_, .failed) where answer.code == RefusalCode.fenced.rawValue:
            return barrier.isClosed(place, id.kind)
        case (_, .failed) where answer.code == RefusalCode.commandExpired.rawValue:
            return OldRecords.isExpired(id)
        case (_, .failed):
            return barrier.rows(place, id.kind).contains {
                $0.round == id.round && $0.state == "failed" && $0.code == answer.code
            }
        case (_, .retry): return true
        }
    }

    private func closesWhole(_ fence: CommandID, _ place: BarrierRows.Place, _ isUndone: Bool) -> Bool {
        !watch.stepFences.contains(fence.description) || isUndone || barrier.isClosed(place, .compensation)
    }

    /// Rule 18: what the gateway has said is what the barrier says, and what is not settled has been asked again.
    private func calls() -> [String] {
        guard name == OrderService.payment.rawValue else { return [] }
        var violations: [String] = []
        for (key, answer) in causes.gatewayAnswers.sorted(by: { $0.key < $1.key }) {
            guard let id = CommandID(key) else { continue }
            let place = BarrierRows.Place(saga: id.saga, step: id.step)
            let state = barrier.rows(place, id.kind).first { $0.round == id.round }?.state ?? "nothing"
            if state == "started" { continue }
            let expected = if case .approved = answer { "succeeded" } else { "failed" }
            if state != expected {
                violations.append("rule 18: the gateway's answer to \(key) means \(expected), payment says \(state)")
            }
        }
        for (place, rows) in barrier.places {
            for row in rows where row.state == "started" {
                let id = CommandID(saga: place.saga, step: place.step, kind: row.kind, round: row.round)
                if !watch.called.contains(id) {
                    violations.append("rule 18: the call for \(id) is not settled, and nobody has made it again")
                }
            }
        }
        return violations.sorted()
    }
}

extension ParticipantWatch.Answer {
    fileprivate var shown: String { code.isEmpty ? outcome.rawValue : "\(outcome.rawValue) \(code)" }
}
