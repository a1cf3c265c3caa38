import Logging
import SagaBus
import Synchronization

/// What one bus's links share: where the broker is, what must exist there, and which links are open.
final class BusCore: Sendable {
    private struct State {
        var topology = Topology()
        var exchanges: Set<String> = []
        var isClosed = false
        var closers: [UInt64: @Sendable () -> Void] = [:]
        var lastKey: UInt64 = 0
    }

    let address: BrokerAddress
    let options: RabbitMQOptions
    let logger: Logger
    private let state = Mutex(State())
    /// Woken whenever a link has ended.
    private let endings = BusMailbox()

    init(address: BrokerAddress, options: RabbitMQOptions, logger: Logger) {
        self.address = address
        self.options = options
        self.logger = logger
    }

    var topology: Topology { state.withLock { $0.topology } }

    func hasExchange(_ name: String) -> Bool { state.withLock { $0.exchanges.contains(name) } }

    func isTemporary(_ queue: String) -> Bool {
        state.withLock { state in state.topology.queues.contains { $0.name == queue && $0.isTemporary } }
    }

    func add(_ topology: Topology) {
        state.withLock { state in
            state.topology = state.topology + topology
            state.exchanges.formUnion(topology.exchanges.map(\.name))
        }
    }

    func checkOpen() throws(BusError) {
        if state.withLock({ $0.isClosed }) { throw BusError(.closed, "The bus is closed.") }
    }

    /// Starts a link's thread, unless the bus has been closed meanwhile.
    func start<Role: LinkRole>(
        _ role: Role, on connection: Connection, inbox: Inbox<Role.Command>, closing: Role.Command
    ) throws(BusError) {
        let key: UInt64? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.lastKey += 1
            state.closers[state.lastKey] = { inbox.send(closing) }
            return state.lastKey
        }
        guard let key else { throw BusError(.closed, "The bus is closed.") }
        DedicatedThread.start { [self] in
            var loop = LinkLoop(role: role, inbox: inbox, core: self)
            loop.run(first: connection)
            state.withLock { state in state.closers[key] = nil }
            endings.wake()
        }
    }

    /// Closes every link and waits a moment for their goodbyes.
    func close() {
        let closers = state.withLock { state in
            state.isClosed = true
            return Array(state.closers.values)
        }
        for close in closers { close() }
        let deadline = ContinuousClock.now + .seconds(5)
        while state.withLock({ !$0.closers.isEmpty }) {
            let left = deadline - ContinuousClock.now
            guard left > .zero else { return logger.warning("a connection to the broker does not end; leaving it") }
            _ = endings.receive(waitingAtMost: left)
        }
    }
}
