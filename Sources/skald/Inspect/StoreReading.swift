import SagaCore
import SagaStore

extension DataOptions {
    /// Looks at the database, beside whoever writes it.
    func read<Result>(_ body: (StoreView) throws -> Result) throws -> Result {
        try reader().read(body)
    }

    func reader() throws -> SagaStoreReader { try SystemDirectory(self).reader() }

    /// Looks at the database for a list; nil where it is not set up yet, which is said in plain words.
    func readForList<Result>(asJSON isJSON: Bool, _ body: (StoreView) throws -> Result) throws -> Result? {
        let directory = SystemDirectory(self)
        if let reader = try directory.readerIfSetUp() { return try reader.read(body) }
        (isJSON ? Terminal.standardError : Terminal.standardOutput).line(directory.nothingYet)
        return nil
    }

    /// The flag to repeat in a command that is printed for copying; the environment speaks for itself.
    var flagForCopying: String {
        dataDirectoryFlag.map { " --data-dir \($0.shellWord)" } ?? ""
    }
}
