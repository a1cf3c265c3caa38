import CRabbitMQ
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A flag that poll(2) can wait for.
final class EventFlag: Sendable {
    let descriptor: Int32

    init() {
        descriptor = skald_eventfd()
        precondition(descriptor >= 0, "the system refuses another file descriptor (error \(errno))")
    }

    deinit { Glibc.close(descriptor) }

    func raise() { eventfd_write(descriptor, 1) }

    func lower() {
        var count: eventfd_t = 0
        eventfd_read(descriptor, &count)
    }

    /// Waits until it is raised, nil for as long as that takes, and lowers it.
    func wait(atMost timeout: Duration?) {
        let milliseconds = timeout.map { Int32(clamping: Int64($0 / .milliseconds(1)) + 1) }
        var source = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        if poll(&source, 1, milliseconds ?? -1) > 0 { lower() }
    }
}

/// Commands from any thread to the one thread that has the connection.
final class Inbox<Command: Sendable>: Sendable {
    private struct State {
        var commands: [Command] = []
        var isClosed = false
    }

    /// Whoever waits for it lowers it before taking the commands, so that none is left behind.
    let flag = EventFlag()
    private let state = Mutex(State())

    /// Returns false once ``close()`` has been called: no one will read the command.
    @discardableResult
    func send(_ command: Command) -> Bool {
        let (isTaken, isFirst) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.commands.append(command)
            return (true, state.commands.count == 1)
        }
        if isFirst { flag.raise() }
        return isTaken
    }

    func takeAll() -> [Command] {
        state.withLock { state in
            defer { state.commands = [] }
            return state.commands
        }
    }

    /// Takes what is left and refuses what comes later.
    func close() -> [Command] {
        state.withLock { state in state.isClosed = true }
        return takeAll()
    }
}
