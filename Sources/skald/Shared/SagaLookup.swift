import SagaCore
import SagaStore

/// Finds the saga a person means: by id, or by business key (the newest one that has it).
struct SagaLookup {
    private let data: DataOptions

    init(_ data: DataOptions) { self.data = data }

    func saga(_ text: String) throws -> SagaID {
        let reader = try SagaStoreReader(path: try SystemDirectory(data).requireStore())
        return try reader.read { transaction in
            if let id = SagaID(text), try transaction.summary(of: id) != nil { return id }
            if let id = try transaction.sagas(withKey: text).first { return id }
            throw CommandFailure(
                .noInput, "no saga with the id or key \(text.escapedForTerminal); see skald list")
        }
    }
}
