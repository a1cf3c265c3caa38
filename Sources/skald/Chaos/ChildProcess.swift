import Glibc
import Synchronization

/// A process that we started and shall end: in a process group of its own, so that what stops us at the terminal does
/// not stop it half way.
final class ChildProcess: Sendable {
    enum End: Sendable, Hashable, CustomStringConvertible {
        case exited(Int32)
        case killed(signal: Int32)

        var description: String {
            switch self {
            case .exited(let code): "exit code \(code)"
            case .killed(let signal): "signal \(signal)"
            }
        }
    }

    let pid: pid_t
    private let ended = Mutex<End?>(nil)

    /// - Parameters:
    ///   - log: where standard output and error go, appended.
    ///   - isLast: starts even after ``killAll()``.
    init(
        _ executable: String, _ arguments: [String], environment: [String: String], log: String, isLast: Bool = false
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        SystemCall.closeRest(&actions, from: 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)

        var argv = ([executable] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argv + variables { free(text) } }
        let (pid, result) = Self.all.withLock { all -> (pid_t, Int32) in
            guard !all.isClosed || isLast else { return (0, ECANCELED) }
            var pid: pid_t = 0
            let result = posix_spawn(&pid, executable, &actions, &attributes, &argv, &variables)
            if result == 0 { all.living.insert(pid) }
            return (pid, result)
        }
        self.pid = pid
        guard result == 0 else {
            throw CommandFailure(.refused, "cannot start \(executable): \(String(cString: strerror(result)))")
        }
    }

    /// Nil while it runs. Reaps it.
    var end: End? {
        let (end, isNew) = ended.withLock { ended -> (End?, Bool) in
            if let ended { return (ended, false) }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return (nil, false) }
            let signal = status & 0x7f
            ended = signal == 0 ? .exited(status >> 8 & 0xff) : .killed(signal: signal)
            return (ended, true)
        }
        if isNew { Self.all.withLock { _ = $0.living.remove(pid) } }
        return end
    }

    /// Nil when it still runs after this time.
    func end(within patience: Duration) async -> End? {
        let deadline = ContinuousClock.now + patience
        while true {
            if let end { return end }
            guard ContinuousClock.now < deadline else { return nil }
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Does nothing when it has ended.
    func signal(_ signal: Int32) {
        ended.withLock { ended in if ended == nil { kill(pid, signal) } }
    }

    /// To it and all it has started, as long as it has not been reaped.
    func signalGroup(_ signal: Int32) {
        ended.withLock { ended in if ended == nil { kill(-pid, signal) } }
    }

    /// Kills it and all it has started, and waits until it is gone.
    @discardableResult
    func killNow() async -> End? {
        signalGroup(SIGKILL)
        return await end(within: .seconds(30))
    }

    /// While it is set, writes that would make any file larger than this fail. Others than the one who runs it may not.
    func limitFileSize(_ bytes: UInt?) {
        ended.withLock { ended in if ended == nil { SystemCall.limitFileSize(of: pid, bytes) } }
    }

    // MARK: All of them

    private struct All {
        var living: Set<pid_t> = []
        var isClosed = false
    }
    private static let all = Mutex(All())

    /// For the end of the program, whatever its reason: no process of ours is left, and none is started any more.
    static func killAll() {
        let living = all.withLock { all in
            all.isClosed = true
            return all.living
        }
        for pid in living { kill(-pid, SIGKILL) }
    }
}

/// Calls that Swift's module of the C library lacks.
private enum SystemCall {
    private typealias CloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
    private typealias ProcessLimit =
        @convention(c) (pid_t, Int32, UnsafePointer<rlimit>?, UnsafeMutablePointer<rlimit>?) -> Int32

    static func closeRest(_ actions: inout posix_spawn_file_actions_t, from descriptor: Int32) {
        guard let address = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else { return }
        _ = unsafeBitCast(address, to: CloseFrom.self)(&actions, descriptor)
    }

    static func limitFileSize(of pid: pid_t, _ bytes: UInt?) {
        guard let address = dlsym(nil, "prlimit") else { return }
        // Only the soft limit, which may be raised again without being root.
        var limit = rlimit(rlim_cur: bytes ?? .max, rlim_max: .max)
        _ = unsafeBitCast(address, to: ProcessLimit.self)(pid, Int32(RLIMIT_FSIZE.rawValue), &limit, nil)
    }
}
