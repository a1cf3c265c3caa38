import Glibc
import Synchronization

/// A process that we started and shall end: in a process group of its own, so that what stops us at the terminal does
/// not stop it half way. It does not outlive us, even if we are killed with -9.
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

    /// - Parameter log: where standard output and error go, appended.
    init(_ executable: String, _ arguments: [String], environment: [String: String], log: String) throws {
        guard access(executable, X_OK) == 0 else { throw Self.failure(of: executable, errno) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, try Self.lifeline(), 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        SystemCall.closeRest(&actions, from: 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)

        var argv = (["/bin/sh", "-c", Self.launcher, "sh", executable] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argv + variables { free(text) } }
        let (pid, result) = Self.all.withLock { all -> (pid_t, Int32) in
            guard !all.isClosed else { return (0, ECANCELED) }
            var pid: pid_t = 0
            let result = posix_spawn(&pid, "/bin/sh", &actions, &attributes, &argv, &variables)
            if result == 0 { all.living.insert(pid) }
            return (pid, result)
        }
        self.pid = pid
        guard result == 0 else { throw Self.failure(of: executable, result) }
    }

    private static func failure(of executable: String, _ code: Int32) -> CommandFailure {
        CommandFailure(.refused, "cannot start \(executable): \(String(cString: strerror(code)))")
    }

    /// Nil while it runs. Reaps it, once nothing is left of its group.
    var end: End? {
        let (end, isNew) = ended.withLock { ended -> (End?, Bool) in
            if let ended { return (ended, false) }
            var news = siginfo_t()
            guard waitid(P_PID, id_t(pid), &news, WEXITED | WNOHANG | WNOWAIT) == 0, news.si_signo == SIGCHLD else {
                return (nil, false)
            }
            kill(-pid, SIGKILL)
            var status: Int32 = 0
            guard waitpid(pid, &status, 0) == pid else { return (nil, false) }
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

    // MARK: Its end with ours

    /// Becomes the program, with a companion in its group that ends the group when standard input ends. A shell gives
    /// what it runs beside itself no input but what it is told to.
    private static let launcher = """
        exec 3<&0 </dev/null
        (read -r line; kill -KILL 0) <&3 3<&- >/dev/null 2>&1 &
        exec "$@" 3<&-
        """

    /// The end to read of a pipe that nobody writes to; the other one is ours alone, and goes with us, however we end.
    private static func lifeline() throws -> Int32 {
        try pipe.withLock { pipe in
            if let pipe { return pipe.reading }
            var ends: [Int32] = [0, 0]
            guard Glibc.pipe(&ends) == 0 else { throw failure(of: "a process", errno) }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            pipe = (ends[0], ends[1])
            return ends[0]
        }
    }
    private static let pipe = Mutex<(reading: Int32, writing: Int32)?>(nil)

    // MARK: All of them

    private struct All {
        var living: Set<pid_t> = []
        var isClosed = false
    }
    private static let all = Mutex(All())

    /// For the end of the program, whatever its reason: no process of ours is left, and none is started any more.
    /// Blocks until they are gone.
    static func killAll() {
        let living = all.withLock { all in
            all.isClosed = true
            return all.living
        }
        for pid in living { kill(-pid, SIGKILL) }
        for pid in living {
            var news = siginfo_t()
            waitid(P_PID, id_t(pid), &news, WEXITED | WNOWAIT)
        }
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
