import SagaCore
import SagaStore

extension PrunedSaga {
    /// The saga with this id, else the newest with this business key, if all that is left of it is how it ended.
    static func find(_ text: String, in view: StoreView) throws -> PrunedSaga? {
        if let id = SagaID(text) {
            if try view.summary(of: id) != nil { return nil }
            if let pruned = try view.pruned(id) { return pruned }
        }
        let ids = try view.sagas(withKey: text)
        guard try ids.allSatisfy({ try view.summary(of: $0) == nil }) else { return nil }
        for id in ids {
            if let pruned = try view.pruned(id) { return pruned }
        }
        return nil
    }

    /// `place-order, key 10248: completed 2026-05-01 10:00:00.000, and has been pruned`
    private var end: String {
        "\(name), key \(key.shown(upTo: 60)): \(status.rawValue) \(TimeText.full(endedAt)) UTC, and has been pruned"
            .escapedForTerminal
    }

    var failure: CommandFailure { CommandFailure(.noInput, "saga \(id), \(end): its history is gone") }

    func lines(paint: Paint) -> [String] {
        [
            paint("Saga \(id), \(end).", .bold),
            "  Its history is gone. Key, id and status stay: the same start finds this saga.",
        ]
    }

    var json: JSONValue {
        [
            "id": .string(id.description), "definition": .string(name), "key": .string(key),
            "status": .string(status.rawValue), "endedAt": .string(endedAt.iso8601), "pruned": .bool(true),
        ]
    }
}
