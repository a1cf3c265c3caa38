import SagaCore
import SagaStore

extension DataOptions {
    /// Looks at the database, beside whoever writes it.
    func read<Result>(_ body: (StoreTransaction) throws -> Result) throws -> Result {
        try reader().read(body)
    }

    func reader() throws -> SagaStoreReader {
        try SagaStoreReader(path: try SystemDirectory(self).requireStore())
    }

    /// The flag to repeat in a command that is printed for copying; the environment speaks for itself.
    var flagForCopying: String {
        dataDirectoryFlag.map { " --data-dir \($0.shellWord)" } ?? ""
    }
}
