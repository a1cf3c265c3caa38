import SagaCore
import SagaStore

/// A saga as the database has it: its row in the index, and its history where this version can read it.
struct SagaRecord {
    let row: SagaSummary
    /// Other sagas with the same business key, newest first.
    let others: [SagaSummary]
    let content: Content
    /// Messages of this saga that the broker has not confirmed.
    let unpublished: UnpublishedMessages
    /// Of those, commands whose participants do not answer.
    let held: Set<CommandID>

    enum Content {
        case readable(definition: SagaDefinition, history: [HistoryEntry])
        case unreadable(String)
    }

    /// The saga with this id, else the newest with this business key.
    static func find(_ text: String, in transaction: StoreView) throws -> SagaRecord {
        if let id = SagaID(text), let row = try transaction.summary(of: id) {
            return try SagaRecord(row, in: transaction)
        }
        let ids = try transaction.sagas(withKey: text)
        for id in ids {
            if let row = try transaction.summary(of: id) { return try SagaRecord(row, in: transaction) }
        }
        if let pruned = try PrunedSaga.find(text, in: transaction) { throw pruned.failure }
        throw SagaLookup.notFound(text)
    }

    private init(_ row: SagaSummary, in transaction: StoreView) throws {
        self.row = row
        others = try transaction.sagas(withKey: row.key).filter { $0 != row.id }.compactMap {
            try transaction.summary(of: $0)
        }
        unpublished = try transaction.unpublished(of: row.id)
        held = Set(try transaction.heldCommands(of: [row.id]).keys)
        do {
            guard let definition = try transaction.definition(of: row.id) else {
                throw Refusal(code: .internal, path: "definition", message: "the stored definition is missing")
            }
            content = .readable(
                definition: definition, history: try transaction.history(of: row.id, definition: definition))
        } catch let refusal as Refusal {
            content = .unreadable(refusal.description)
        }
    }

    /// The history, which must be readable.
    func readable() throws -> (definition: SagaDefinition, history: [HistoryEntry]) {
        switch content {
        case .readable(let definition, let history): return (definition, history)
        case .unreadable(let why):
            throw CommandFailure(
                .refused,
                """
                saga \(row.id) (\(row.status.rawValue)) cannot be read by this version of skald: \
                \(why.escapedForTerminal); skald show \(row.id) says what its index row holds
                """)
        }
    }
}

extension [HistoryEntry] {
    /// The state after the event with this number, or after the last one.
    func state(of id: SagaID, _ definition: SagaDefinition, upTo sequence: Int = .max) -> SagaState {
        SagaState(id: id, definition: definition, folding: prefix { $0.sequence <= sequence }.map { ($0.event, $0.at) })
    }
}
