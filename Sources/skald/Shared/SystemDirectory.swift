import DurableSQLite
import Foundation
import Glibc
import SagaCore
import SagaStore

/// What a data directory holds: an embedded system, a worker's file, or nothing.
struct SystemDirectory {
    private let data: DataOptions

    init(_ data: DataOptions) { self.data = data }

    /// The path of the orchestrator's database, which must be there.
    func requireStore() throws -> String {
        let (directory, path) = (data.directory.escapedForTerminal, data.storePath.escapedForTerminal)
        let advice = "name the right one with --data-dir or SKALD_DATA_DIR (skald demo makes one in skald-demo)"
        guard let directoryMode = Self.mode(of: data.directory) else {
            let error = errno
            guard error == ENOENT || error == ENOTDIR else {
                throw CommandFailure(.noInput, "cannot look at \(directory): \(String(cString: strerror(error)))")
            }
            throw CommandFailure(.noInput, "there is no directory \(directory); \(advice)")
        }
        guard directoryMode & S_IFMT == S_IFDIR else {
            throw CommandFailure(.noInput, "\(directory) is not a directory; \(advice)")
        }
        guard Self.mode(of: data.storePath) != nil else {
            let error = errno
            guard error == ENOENT else {
                throw CommandFailure(
                    .noInput, "cannot look into \(directory): \(String(cString: strerror(error))); be its owner")
            }
            throw CommandFailure(.noInput, "no database at \(path); \(advice)")
        }
        return data.storePath
    }

    /// Opens the database to look at it.
    func reader() throws -> SagaStoreReader {
        do {
            return try SagaStoreReader(path: try requireStore())
        } catch is DatabaseNotSetUp {
            throw CommandFailure(.noInput, nothingYet)
        }
    }

    /// Nil where nobody has set the database up yet: there is nothing in it.
    func readerIfSetUp() throws -> SagaStoreReader? {
        do {
            return try SagaStoreReader(path: try requireStore())
        } catch is DatabaseNotSetUp {
            return nil
        }
    }

    /// What to say of a database that its owner has not set up.
    var nothingYet: String {
        let why =
            FileLock.isHeld(path: data.storePath + ".lock")
            ? "a process is setting it up right now; ask again in a moment"
            : "whoever began to set it up did not finish; starting skald worker finishes it"
        return "nothing in \(data.storePath.escapedForTerminal) yet: \(why)"
    }

    /// Which bus the file belongs to; nil where there is no file yet, or one that is still being set up.
    func transport() throws -> String? {
        guard Self.mode(of: data.storePath) != nil else { return nil }
        do {
            return try SagaStoreReader(path: data.storePath).read { try $0.fact(StoreFact.transport) }
        } catch is DatabaseNotSetUp {
            return nil
        }
    }

    var isEmbedded: Bool {
        get throws { try transport() == StoreTransport.embedded }
    }

    /// Nil with `errno` set where it cannot be looked at.
    private static func mode(of path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode : nil
    }
}
