import Glibc
import SagaCore

/// Holds a database for one process, by a lock on a file beside it that says who has it.
///
/// Released when this value goes, and by the system when the process does.
package final class FileLock: Sendable {
    private let descriptor: Int32
    /// Who we are, as others read it: pid, host, since when.
    package let owner: String

    package init(path: String) throws(UnusableDatabase) {
        let opened = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard opened >= 0 else {
            throw UnusableDatabase(
                description: "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        guard Self.take(opened) else {
            let owner = Self.read(opened)
            close(opened)
            throw UnusableDatabase(
                description: "\(path) is held by another process (\(owner)); stop that one first")
        }
        descriptor = opened
        owner = "pid \(getpid()) on \(Self.hostName), since \(Timestamp.wallClock)"
        let written = ftruncate(opened, 0) == 0 && owner.utf8.count == pwrite(opened, owner, owner.utf8.count, 0)
        guard written else {
            throw UnusableDatabase(
                description: "cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        close(descriptor)
    }

    /// Whether some process has the lock now. Those who ask do not see each other.
    package static func isHeld(path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }

    /// Waits a fifth of a second at most: whoever only asks (``isHeld(path:)``), or is forked while it is held, has it
    /// for an instant.
    private static func take(_ descriptor: Int32) -> Bool {
        for _ in 1...200 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            guard errno == EWOULDBLOCK else { return false }
            usleep(1000)
        }
        return false
    }

    private static func read(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 300)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return "owner unknown" }
        return String(decoding: bytes[..<count], as: UTF8.self).escapedForTerminal
    }

    private static var hostName: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "this host" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
