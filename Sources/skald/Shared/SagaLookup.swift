import SagaCore
import SagaStore

/// Finds the saga that an operator's command is for: by id, or by business key where that can only mean one.
struct SagaLookup {
    private let data: DataOptions

    init(_ data: DataOptions) { self.data = data }

    func saga(_ text: String) throws -> SagaID { try data.read { try Self.find(text, in: $0) } }

    /// With a key, the one saga that has not ended; if all have, the newest.
    static func find(_ text: String, in transaction: StoreView) throws -> SagaID {
        if let id = SagaID(text), try transaction.summary(of: id) != nil { return id }
        let sagas = try transaction.sagas(withKey: text).compactMap { try transaction.summary(of: $0) }
        let open = sagas.filter { !$0.status.isTerminal }
        guard open.count < 2 else {
            let list = open.map { "\($0.id) (\($0.name), \($0.status.rawValue))" }.joined(separator: ", ")
            throw CommandFailure(
                .usage,
                "\(open.count) sagas with the key \(text.escapedForTerminal) have not ended: \(list); name one by its id"
            )
        }
        if let saga = open.first ?? sagas.first { return saga.id }
        if let pruned = try PrunedSaga.find(text, in: transaction) { throw pruned.failure }
        throw notFound(text)
    }

    static func notFound(_ text: String) -> CommandFailure {
        CommandFailure(.noInput, "no saga with the id or key \"\(text.shown(upTo: 200))\"; see skald list")
    }
}
