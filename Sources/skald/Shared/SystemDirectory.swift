import Foundation
import SagaEngine
import SagaStore

/// What a data directory holds: an embedded system, a worker's file, or nothing.
struct SystemDirectory {
    private let data: DataOptions

    init(_ data: DataOptions) { self.data = data }

    /// The path of the orchestrator's database, which must be there.
    func requireStore() throws -> String {
        guard FileManager.default.fileExists(atPath: data.storePath) else {
            throw CommandFailure(
                .noInput,
                """
                no database at \(data.storePath); name its directory with --data-dir or SKALD_DATA_DIR \
                (skald demo makes one in skald-demo)
                """)
        }
        return data.storePath
    }

    /// Which bus the file belongs to; nil where there is no file yet.
    func transport() throws -> String? {
        guard FileManager.default.fileExists(atPath: data.storePath) else { return nil }
        return try SagaStoreReader(path: data.storePath).read { try $0.isSetUp() ? $0.fact(StoreFact.transport) : nil }
    }

    var isEmbedded: Bool {
        get throws { try transport() == StoreTransport.embedded }
    }
}
