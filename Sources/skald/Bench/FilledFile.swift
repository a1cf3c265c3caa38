import Foundation
import Glibc
import SagaBus
import SagaCore
import SagaEngine
import SagaStore

/// A data directory whose worker's file holds many finished sagas, as one that has been in use for long.
enum FilledFile {
    /// Makes the file where there is none, takes the one that is there, and reads its keys: a worker that has been running
    /// for long would not have them to read from the disk.
    static func prepare(_ directory: String, count: Int) throws {
        let path = directory + "/skald.sqlite"
        if !FileManager.default.fileExists(atPath: path) { try make(path, in: directory, count) }
        try take(path, count)
    }

    /// One saga goes through the engine, the others are copies of its rows.
    private static func make(_ path: String, in directory: String, _ count: Int) throws {
        let work = directory + "/filling"
        try? FileManager.default.removeItem(atPath: work)
        let unfinished = work + "/skald.sqlite"
        do {
            let original = try finishedSaga(in: unfinished)
            var progress = ProgressBar("finished sagas", of: count)
            defer { progress.clear() }
            try SagaCopies.add(
                count - 1, of: original, path: unfinished, freeBytes: { freeBytes(work) },
                onProgress: { progress.show($0) })
            try sync(unfinished)
            try FileManager.default.moveItem(atPath: unfinished, toPath: path)
        } catch {
            try? FileManager.default.removeItem(atPath: work)
            throw error
        }
        try FileManager.default.removeItem(atPath: work)
    }

    /// The broker of an earlier run is gone, with what it was about to deliver.
    private static func take(_ path: String, _ count: Int) throws {
        let store = try SagaStore(path: path)
        let found = try store.read { try $0.keyCount() }
        guard found >= count else {
            throw CommandFailure(.refused, "\(path) holds \(found) sagas, not \(count); name another directory")
        }
        try store.write {
            try $0.removeFact(StoreFact.transport)
            try $0.setFact(StoreFact.isOpen, to: "no")
        }
    }

    static func finishedSaga(in path: String) throws -> SagaID {
        let definition = try BenchDefinitions.definition(BenchDefinitions.echo)
        let store = try SagaStore(path: path)
        let core = try EngineCore(store: store, settings: EngineSettings(), definitions: [definition])
        var drive = EngineDrive(core: core, definition: definition)
        try drive.run(1) { BenchKeys.scattered.key("original", $0) }
        guard let id = try store.read({ try $0.greatestSagaID() }) else {
            preconditionFailure("the saga has been started")
        }
        return id
    }

    private static func freeBytes(_ directory: String) -> Int64? {
        let values = try? FileManager.default.attributesOfFileSystem(forPath: directory)
        return (values?[.systemFreeSize] as? NSNumber)?.int64Value
    }

    /// What is still to be written must not be written while something is measured.
    private static func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CommandFailure(.refused, "cannot open \(path)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw CommandFailure(.refused, "cannot write \(path)") }
    }
}
