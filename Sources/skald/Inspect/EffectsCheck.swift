import OrderServices
import SagaCore
import SagaStore

/// What a saga's history says against what the services' barriers hold: I4, and that no service knows of a command that
/// was not committed (I7).
enum EffectsCheck {
    struct Breach: Sendable, Hashable {
        /// `I4` or `I7`.
        let rule: String
        let text: String
    }

    /// Of every saga of a file, as lines for a report.
    static func breaches(
        _ reader: SagaStoreReader, _ effects: [SagaID: [String: StepEffects]], excepting exceptions: Set<SagaID>
    ) throws -> [String] {
        var definitions: [String: SagaDefinition] = [:]
        var filter = SagaFilter()
        filter.limit = 200
        var texts: [String] = []
        while true {
            let rows = try reader.read { transaction in
                let rows = try transaction.sagas(filter)
                for row in rows {
                    let state = try transaction.state(of: row.id) { hash in
                        if definitions[hash] == nil { definitions[hash] = try transaction.definition(hash: hash) }
                        return definitions[hash]
                    }
                    guard let state else { continue }
                    texts += breaches(
                        of: state, effects[row.id] ?? [:], isExcepted: exceptions.contains(row.id)
                    ).map { "saga \(row.id): \($0.text)" }
                }
                return rows
            }
            guard let last = rows.last else { return texts }
            filter.before = last.id
        }
    }

    /// - Parameters:
    ///   - effects: of this saga, by step.
    ///   - isExcepted: an operator has had a hand in it, or it waits for one: effects may be left anywhere.
    static func breaches(of state: SagaState, _ effects: [String: StepEffects], isExcepted: Bool) -> [Breach] {
        var breaches: [Breach] = []
        for (index, step) in state.steps.enumerated() {
            let definition = state.definition.steps[index]
            guard let found = effects[definition.name] else {
                if state.status == .completed, !isExcepted, step.status != .skipped {
                    breaches.append(
                        Breach(rule: "I4", text: "completed, but its service knows nothing of \(definition.name)"))
                }
                continue
            }
            breaches += unsent(step, found).map {
                Breach(rule: "I7", text: "\(definition.name): its service knows \($0), which was never committed")
            }
            if !isExcepted { breaches += uneven(state.status, definition, step, found) }
        }
        let names = Set(state.definition.steps.map(\.name))
        for name in effects.keys.sorted() where !names.contains(name) {
            breaches.append(Breach(rule: "I7", text: "a service knows the step \(name), which the saga does not have"))
        }
        return breaches
    }

    private static func unsent(_ step: StepState, _ found: StepEffects) -> [String] {
        var unsent: [String] = []
        for (kind, rounds) in found.rounds.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            for round in rounds.sorted() where !step[kind].wasSent || round > step[kind].round {
                unsent.append("\(kind.rawValue) of round \(round)")
            }
        }
        if found.isClosed, !step.compensation.wasSent, !step.fence.wasSent { unsent.append("a closing") }
        return unsent
    }

    private static func uneven(
        _ status: SagaStatus, _ definition: StepDefinition, _ step: StepState, _ found: StepEffects
    ) -> [Breach] {
        var texts: [String] = []
        switch status {
        case .completed where step.status != .skipped:
            if !found.actionTookEffect { texts.append("completed, but \(definition.action) took no effect") }
            if found.compensationTookEffect { texts.append("completed, but \(definition.name) was undone") }
        case .compensated:
            switch (definition.compensation, found.actionTookEffect, found.compensationTookEffect) {
            case (.command(let name), true, false):
                texts.append("compensated, but \(definition.action) took effect and \(name) did not")
            case (.command(let name), false, true):
                texts.append("compensated, but \(name) took effect and \(definition.action) did not")
            case (.none, true, _) where definition.kind != .compensatable:
                texts.append("compensated, but \(definition.action) took effect")
            default: break
            }
        case .running, .compensating, .stuck, .completed, .abandoned: break
        }
        if status.isTerminal, found.isUnsettled {
            texts.append("ended, but a call of \(definition.name) is not settled")
        }
        return texts.map { Breach(rule: "I4", text: $0) }
    }
}
