import BusConformance
import Foundation
import GRDB
import SagaBus
import SagaCore
import SagaStore
import Testing

/// What can happen to the files of running processes: no room, an I/O error, somebody else's lock.
@Suite(.serialized, .enabled(if: RunningSystem.brokerScript != nil, RunningSystem.missing), .timeLimit(.minutes(10)))
struct FileFaultTests {
    private static let trouble = "the database cannot be written; inputs wait at the broker"

    @Test(
        "F21: on a full file system nothing is taken in and everything can be looked at; with room it goes on by itself",
        .enabled(if: SmallFileSystem.isPossible, SmallFileSystem.missing))
    func fullDisk() async throws {
        try await RunningSystem.run { system in
            let disk = try SmallFileSystem(at: system.directory + "/data", megabytes: 64)
            defer { disk.unmount() }
            system.dataDirectory = disk.path
            try system.startAll()
            try system.place(1...1)
            try system.awaitEnds(1)
            try disk.fill()
            try system.place(2...301)
            try system.awaitLog(of: .worker, Self.trouble)
            try require(system.log(of: .worker).contains("disk is full"), "the error is clear")
            try system.await("all starts are at the broker") { try system.depth("skald.starts.0") == 300 }
            try require(try system.read { try $0.countByStatus() } == [.completed: 1], "nothing was taken in")
            try system.expectReadable(key: "1")
            let pause = try system.run(["pause", "1", "--reason", "test"])
            try require(pause.code != 0, "an operator is told that it was not done: \(pause)")
            try disk.makeRoom()
            try system.expectRest(sagas: 301)
        }
    }

    @Test("F21: writes that fail with an I/O error: nothing is taken in; when they succeed again it goes on by itself")
    func failingWrites() async throws {
        try await RunningSystem.run { system in
            try system.startAll()
            try system.place(1...1)
            try system.awaitEnds(1)
            // No file of the worker can grow: the kernel says EFBIG, which to SQLite is an I/O error.
            try system.limitFileSize(of: .worker, to: 65536)
            try system.place(2...301)
            try system.awaitLog(of: .worker, Self.trouble)
            try require(system.log(of: .worker).contains("disk I/O error"), "the error is clear")
            try system.await("all starts are at the broker") { try system.depth("skald.starts.0") == 300 }
            try require(try system.read { try $0.countByStatus() } == [.completed: 1], "nothing was taken in")
            try system.expectReadable(key: "1")
            try system.limitFileSize(of: .worker, to: nil)
            try system.expectRest(sagas: 301)
        }
    }

    @Test("F22: while somebody else holds the lock on the file nothing is taken in, and that is said; then it goes on")
    func locked() async throws {
        try await RunningSystem.run { system in
            try system.startAll()
            try system.place(1...1)
            try system.awaitEnds(1)
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            let holder = try DatabaseQueue(path: system.dataDirectory + "/skald.sqlite", configuration: configuration)
            try holder.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
            try system.place(2...11)
            try system.awaitLog(of: .worker, Self.trouble)
            try require(system.log(of: .worker).contains("database is locked"), "the error is clear")
            try system.await("all starts are at the broker") { try system.depth("skald.starts.0") == 10 }
            try system.expectReadable(key: "1")
            try holder.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
            try holder.close()
            try system.expectRest(sagas: 11)
        }
    }
}

/// A file system with room for a few megabytes. Only root may make one.
private struct SmallFileSystem {
    static let missing: Comment = "needs the right to mount a tmpfs"
    static let isPossible: Bool = {
        let path = NSTemporaryDirectory() + "skald-disk-\(UUID().uuidString)"
        guard let disk = try? SmallFileSystem(at: path, megabytes: 1) else {
            try? FileManager.default.removeItem(atPath: path)
            return false
        }
        disk.unmount()
        try? FileManager.default.removeItem(atPath: path)
        return true
    }()

    let path: String
    private var filler: String { path + "/filler" }

    init(at path: String, megabytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try require(
            system("mount -t tmpfs -o size=\(megabytes)m,mode=700 tmpfs '\(path)' 2>/dev/null") == 0,
            "cannot mount a tmpfs")
    }

    func unmount() { _ = system("umount -l '\(path)'") }

    /// Until not one byte more is taken.
    func fill() throws {
        try require(system("dd if=/dev/zero of='\(filler)' bs=4096 2>/dev/null") != 0, "it is full")
    }

    func makeRoom() throws { try FileManager.default.removeItem(atPath: filler) }
}
