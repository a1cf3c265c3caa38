import SagaBus
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Stands between a bus and its broker and does to their connections what networks do.
final class FaultyProxy: Sendable {
    private enum Behaviour {
        case forwarding
        /// Swallows what either side sends: a half-open connection.
        case silent
        /// Takes nothing from the client but sends it heartbeats, as a broker under an alarm does.
        case deaf
    }
    private struct Link {
        let client: Int32
        let server: Int32
        var behaviour = Behaviour.forwarding
        /// The broker hung up and the client must not know.
        var isServerGone = false
    }
    private struct State {
        var links: [Link] = []
        var refuses = false
        var isStopped = false
    }

    let url: String
    private let listener: Int32
    private let brokerPort: UInt16
    private let wakeReader: Int32
    private let wakeWriter: Int32
    private let state = Mutex(State())

    /// Forwards to the broker of this URL, which must be on 127.0.0.1 and name its port.
    init(to url: String) throws {
        guard let colon = url.lastIndex(of: ":"), let end = url[colon...].firstIndex(of: "/"),
            let port = UInt16(url[url.index(after: colon)..<end])
        else { throw BusError(.invalidAddress, "no port in the broker's URL") }
        brokerPort = port
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.address(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        var ends: [Int32] = [0, 0]
        guard isListening, pipe(&ends) == 0 else { throw BusError(.connection, "the proxy cannot listen") }
        (wakeReader, wakeWriter) = (ends[0], ends[1])
        self.url = url[..<colon] + ":\(UInt16(bigEndian: address.sin_port))" + url[end...]
        DedicatedThread.start { self.run() }
    }

    func cutAll() { change { $0.links = Self.closed($0.links) } }
    func silenceAll() { change { state in for i in state.links.indices { state.links[i].behaviour = .silent } } }
    func deafenAll() { change { state in for i in state.links.indices { state.links[i].behaviour = .deaf } } }
    /// Also cuts what is there.
    func refuseAll() {
        change {
            $0.refuses = true
            $0.links = Self.closed($0.links)
        }
    }
    func acceptAgain() { change { $0.refuses = false } }
    func stop() { change { $0.isStopped = true } }

    private func change(_ body: (inout sending State) -> Void) {
        state.withLock { body(&$0) }
        var byte: UInt8 = 0
        write(wakeWriter, &byte, 1)
    }

    private static func closed(_ links: [Link]) -> [Link] {
        for link in links { close(link) }
        return []
    }

    private static func close(_ link: Link) {
        Glibc.close(link.client)
        if !link.isServerGone { Glibc.close(link.server) }
    }

    private static func address(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private func run() {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            var sources = [
                pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0),
            ]
            state.withLock { state in
                for link in state.links {
                    if link.behaviour != .deaf { sources.append(pollfd(fd: link.client, events: 1, revents: 0)) }
                    if !link.isServerGone { sources.append(pollfd(fd: link.server, events: 1, revents: 0)) }
                }
            }
            poll(&sources, nfds_t(sources.count), 200)
            if sources[1].revents != 0 { read(wakeReader, buffer, 64) }
            let isStopped = state.withLock { state in
                if sources[0].revents != 0 { accept(into: &state) }
                let ready = Set(sources.dropFirst(2).lazy.filter { $0.revents != 0 }.map(\.fd))
                for link in state.links.indices.reversed() where !pump(&state.links[link], ready, buffer) {
                    Self.close(state.links.remove(at: link))
                }
                if state.isStopped { state.links = Self.closed(state.links) }
                return state.isStopped
            }
            if isStopped { break }
        }
        for descriptor in [listener, wakeReader, wakeWriter] { Glibc.close(descriptor) }
    }

    private func accept(into state: inout State) {
        let client = Glibc.accept(listener, nil, nil)
        guard client >= 0 else { return }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.address(port: brokerPort)
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        let link = Link(client: client, server: server)
        if isConnected && !state.refuses { state.links.append(link) } else { Self.close(link) }
    }

    /// Carries what is ready; false when the link has ended.
    private func pump(_ link: inout Link, _ ready: Set<Int32>, _ buffer: UnsafeMutableRawPointer) -> Bool {
        if ready.contains(link.client) {
            let count = read(link.client, buffer, 64 << 10)
            guard count > 0 else { return false }
            if link.behaviour == .forwarding { Self.send(link.server, buffer, count) }
        }
        if ready.contains(link.server), !link.isServerGone {
            let count = read(link.server, buffer, 64 << 10)
            if count <= 0 {
                guard link.behaviour != .forwarding else { return false }
                Glibc.close(link.server)
                link.isServerGone = true
            } else if link.behaviour == .forwarding {
                Self.send(link.client, buffer, count)
            }
        }
        if link.behaviour == .deaf {
            var heartbeat: [UInt8] = [8, 0, 0, 0, 0, 0, 0, 206]
            Self.send(link.client, &heartbeat, 8)
        }
        return true
    }

    private static func send(_ socket: Int32, _ bytes: UnsafeRawPointer, _ count: Int) {
        var sent = 0
        while sent < count {
            let result = Glibc.send(socket, bytes + sent, count - sent, Int32(MSG_NOSIGNAL))
            guard result > 0 else { return }
            sent += result
        }
    }
}
