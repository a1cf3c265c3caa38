import SagaCore
import SagaStore

/// Everything `skald show` says of a saga, before it is written as text or JSON.
struct SagaReport {
    let state: SagaState
    let words: EventWords
    let timelines: [StepTimeline]
    let sentence: String
    let why: [String]
    let effects: StandingEffects
    /// Nil when a past moment is looked at.
    let present: Present?

    struct Present {
        let outlook: Outlook
        let moves: SagaMoves
        let surroundings: Surroundings

        /// Rule 22: once it is compensated or abandoned, one successor may have its key.
        func startAgain(_ state: SagaState) -> String? {
            let hasSuccessor = surroundings.others.contains { $0.name == state.definition.name && $0.id > state.id }
            switch state.status {
            case .compensated, .abandoned:
                guard !hasSuccessor else { return nil }
                return "skald start \(state.definition.name) --input FILE --again \(state.id)\(surroundings.flags)"
            case .running, .compensating, .stuck, .completed: return nil
            }
        }
    }

    var now: Timestamp { words.now }

    /// - Parameter surroundings: what is true around the saga now; nil when a past moment is looked at.
    init(_ state: SagaState, history: [HistoryEntry], now: Timestamp, surroundings: Surroundings? = nil) {
        self.state = state
        let words = EventWords(definition: state.definition, now: now)
        self.words = words
        let (timelines, stuckSince) = StepTimeline.all(of: state.definition, id: state.id, history: history)
        self.timelines = timelines
        let explanation = SagaExplanation(state, words: words, history: history, stuckSince: stuckSince)
        sentence = explanation.sentence
        why = explanation.why
        effects = StandingEffects(of: state, history: history, at: now)
        present = surroundings.map {
            Present(
                outlook: Outlook(of: state, words: words, surroundings: $0), moves: SagaMoves(of: state, at: now),
                surroundings: $0)
        }
    }
}
