import Glibc
import SagaBus
import Synchronization

/// The network between each process and the broker: every target connects to a port of its own, and what travels there
/// is delayed, swallowed or cut.
final class FaultyNetwork: Sendable {
    enum Condition: Sendable, Hashable {
        case fine
        /// What travels arrives this much later.
        case delayed(milliseconds: Int64)
        /// Connections stay and carry nothing; new ones are taken and carry nothing either.
        case blackhole
    }
    private enum Command {
        case set(FaultTarget, Condition)
        case reset(FaultTarget)
        /// Only connections that were half-closed or in a black hole.
        case resetBroken(FaultTarget)
        case halfClose(FaultTarget, towardsBroker: Bool)
        case stop
    }
    private struct Listener {
        let target: FaultTarget
        let descriptor: Int32
        var condition = Condition.fine
    }

    private let ports: [FaultTarget: Int]
    private let commands = Mutex<[Command]>([])
    private let wakeReader: Int32
    private let wakeWriter: Int32

    init(brokerPort: Int, targets: [FaultTarget]) throws {
        var listeners: [Listener] = []
        var ports: [FaultTarget: Int] = [:]
        for target in targets {
            guard let (descriptor, port) = LocalSocket.listen() else {
                throw CommandFailure(.refused, "cannot listen on 127.0.0.1: \(String(cString: strerror(errno)))")
            }
            listeners.append(Listener(target: target, descriptor: descriptor))
            ports[target] = port
        }
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw CommandFailure(.refused, "cannot make a pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends { LocalSocket.prepare(end) }
        (wakeReader, wakeWriter) = (ends[0], ends[1])
        self.ports = ports
        DedicatedThread.start { [self, listeners] in
            var listeners = listeners
            run(&listeners, brokerPort: brokerPort)
        }
    }

    func url(for target: FaultTarget) -> String { "amqp://guest:guest@127.0.0.1:\(ports[target] ?? 0)/" }

    func set(_ condition: Condition, for target: FaultTarget) { send(.set(target, condition)) }
    func reset(_ target: FaultTarget) { send(.reset(target)) }
    func halfClose(_ target: FaultTarget, towardsBroker: Bool) {
        send(.halfClose(target, towardsBroker: towardsBroker))
    }

    /// Everything works again; connections that have lost something are reset.
    func heal(_ target: FaultTarget) {
        send(.set(target, .fine))
        send(.resetBroken(target))
    }

    func stop() { send(.stop) }

    private func send(_ command: Command) {
        commands.withLock { $0.append(command) }
        var byte: UInt8 = 0
        write(wakeWriter, &byte, 1)
    }

    // MARK: The thread

    private func run(_ listeners: inout [Listener], brokerPort: Int) {
        var links: [ProxiedConnection] = []
        while true {
            var sources = [pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0)]
            for listener in listeners {
                sources.append(pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0))
            }
            let now = ContinuousClock.now
            for link in links { link.addSources(to: &sources, now) }
            let patience = links.lazy.compactMap { $0.untilNext(now) }.min() ?? 1000
            poll(&sources, nfds_t(sources.count), Int32(clamping: max(0, patience)))

            var ready: [Int32: Int32] = [:]
            for source in sources where source.revents != 0 { ready[source.fd] = Int32(source.revents) }
            if ready[wakeReader] != nil {
                var bytes = [UInt8](repeating: 0, count: 256)
                read(wakeReader, &bytes, bytes.count)
            }
            for command in commands.withLock({ commands in
                defer { commands = [] }
                return commands
            }) {
                if case .stop = command {
                    for link in links { link.close(hard: true) }
                    for descriptor in listeners.map(\.descriptor) + [wakeReader, wakeWriter] { close(descriptor) }
                    return
                }
                obey(command, &listeners, links)
            }
            for listener in listeners where ready[listener.descriptor] != nil {
                while let link = accept(listener, brokerPort) { links.append(link) }
            }
            for link in links { link.carry(ready, condition(of: link.target, listeners)) }
            links.removeAll(where: \.isClosed)
        }
    }

    private func condition(of target: FaultTarget, _ listeners: [Listener]) -> Condition {
        listeners.first { $0.target == target }?.condition ?? .fine
    }

    private func obey(_ command: Command, _ listeners: inout [Listener], _ links: [ProxiedConnection]) {
        switch command {
        case .set(let target, let condition):
            for index in listeners.indices where listeners[index].target == target {
                listeners[index].condition = condition
            }
        case .reset(let target): for link in links where link.target == target { link.close(hard: true) }
        case .resetBroken(let target):
            for link in links where link.target == target && link.isBroken { link.close(hard: true) }
        case .halfClose(let target, let towardsBroker):
            for link in links where link.target == target { link.halfClose(towardsBroker: towardsBroker) }
        case .stop: break
        }
    }

    private func accept(_ listener: Listener, _ brokerPort: Int) -> ProxiedConnection? {
        let client = Glibc.accept(listener.descriptor, nil, nil)
        guard client >= 0 else { return nil }
        LocalSocket.prepare(client)
        return ProxiedConnection(
            listener.target, client: client,
            server: listener.condition == .blackhole ? nil : LocalSocket.connect(port: brokerPort))
    }
}
