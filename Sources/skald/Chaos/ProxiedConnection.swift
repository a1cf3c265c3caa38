import Glibc

/// One connection through the ``FaultyNetwork``; used by its thread only.
final class ProxiedConnection {
    /// What one side has sent and the other has not got.
    private struct Stream {
        private var chunks: [(due: ContinuousClock.Instant, bytes: [UInt8])] = []
        private var sent = 0
        private(set) var size = 0

        var isEmpty: Bool { chunks.isEmpty }
        var isFull: Bool { size > 1 << 20 }
        var due: ContinuousClock.Instant? { chunks.first?.due }

        mutating func append(_ bytes: [UInt8], due: ContinuousClock.Instant) {
            // Never before what came earlier, also when the delay has become shorter.
            chunks.append((max(due, chunks.last?.due ?? due), bytes))
            size += bytes.count
        }

        /// False when the other side is gone.
        mutating func flush(to descriptor: Int32, _ now: ContinuousClock.Instant) -> Bool {
            while let chunk = chunks.first, chunk.due <= now {
                let rest = chunk.bytes.count - sent
                let count = chunk.bytes.withUnsafeBytes { bytes in
                    send(descriptor, bytes.baseAddress.map { $0 + sent }, rest, Int32(MSG_NOSIGNAL))
                }
                guard count >= 0 else { return [EAGAIN, EINTR, EINPROGRESS, ENOTCONN].contains(errno) }
                sent += count
                guard sent == chunk.bytes.count else { return true }
                size -= sent
                sent = 0
                chunks.removeFirst()
            }
            return true
        }
    }

    let target: FaultTarget
    private let client: Int32
    /// Nil in a black hole.
    private let server: Int32?
    private var toServer = Stream()
    private var toClient = Stream()
    private var isClientDone = false
    private var isServerDone = false
    private var endsBefore: ContinuousClock.Instant?
    /// Closed in this direction only; the other goes on.
    private var halfClosedTowardsBroker: Bool?
    private var hasLost = false
    private(set) var isClosed = false

    init(_ target: FaultTarget, client: Int32, server: Int32?) {
        self.target = target
        self.client = client
        self.server = server
        hasLost = server == nil
    }

    /// Something that was sent never arrived.
    var isBroken: Bool { hasLost || halfClosedTowardsBroker != nil }

    func addSources(to sources: inout [pollfd], _ now: ContinuousClock.Instant) {
        func add(_ descriptor: Int32, reads: Bool, writes: Bool) {
            var events = reads ? POLLIN : 0
            if writes { events |= POLLOUT }
            // Without an event the end of a connection would be reported again and again.
            if events != 0 { sources.append(pollfd(fd: descriptor, events: Int16(events), revents: 0)) }
        }
        add(client, reads: !isClientDone && !toServer.isFull, writes: toClient.due.map { $0 <= now } ?? false)
        if let server {
            add(server, reads: !isServerDone && !toClient.isFull, writes: toServer.due.map { $0 <= now } ?? false)
        }
    }

    /// Milliseconds until something is due.
    func untilNext(_ now: ContinuousClock.Instant) -> Int64? {
        [toServer.due, toClient.due, endsBefore].compactMap { $0 }.min().map { due in
            // What is due already waits for its socket, which poll reports.
            due <= now ? 20 : Int64((now.duration(to: due) / .milliseconds(1)).rounded(.up))
        }
    }

    func carry(_ ready: [Int32: Int32], _ condition: FaultyNetwork.Condition) {
        guard !isClosed else { return }
        let now = ContinuousClock.now
        var due = now
        if case .delayed(let milliseconds) = condition { due += .milliseconds(milliseconds) }
        let isSwallowed = condition == .blackhole || server == nil

        if !isClientDone, ready[client] != nil, !toServer.isFull {
            isClientDone = !read(client, into: &toServer, due, isSwallowed || halfClosedTowardsBroker == true)
        }
        if let server, !isServerDone, ready[server] != nil, !toClient.isFull {
            isServerDone = !read(server, into: &toClient, due, isSwallowed || halfClosedTowardsBroker == false)
        }
        var isGone = false
        if condition == .blackhole {
            if !toServer.isEmpty || !toClient.isEmpty { hasLost = true }
            (toServer, toClient) = (Stream(), Stream())
        } else {
            if let server { isGone = !toServer.flush(to: server, now) }
            isGone = !toClient.flush(to: client, now) || isGone
        }
        end(isGone, isSwallowed: isSwallowed, now)
    }

    /// A connection of which one side has ended ends when the other has what was sent to it.
    private func end(_ isGone: Bool, isSwallowed: Bool, _ now: ContinuousClock.Instant) {
        if isGone || isClientDone && isServerDone { return close(hard: false) }
        // In a black hole the one side does not learn of the other's end.
        guard isClientDone || isServerDone, !(isSwallowed && isServerDone) else { return }
        let isDelivered = isClientDone ? toServer.isEmpty : toClient.isEmpty
        let deadline = endsBefore ?? now + .seconds(10)
        endsBefore = deadline
        if isDelivered || server == nil || now >= deadline { close(hard: false) }
    }

    /// False at its end.
    private func read(
        _ descriptor: Int32, into stream: inout Stream, _ due: ContinuousClock.Instant, _ isSwallowed: Bool
    ) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        if count > 0 {
            if isSwallowed {
                hasLost = true
            } else {
                stream.append(Array(bytes[..<count]), due: due)
            }
            return true
        }
        return count < 0 && (errno == EAGAIN || errno == EINTR)
    }

    func halfClose(towardsBroker: Bool) {
        guard !isClosed, halfClosedTowardsBroker == nil else { return }
        halfClosedTowardsBroker = towardsBroker
        if towardsBroker {
            toServer = Stream()
            if let server { shutdown(server, Int32(SHUT_WR)) }
        } else {
            toClient = Stream()
            shutdown(client, Int32(SHUT_WR))
        }
    }

    /// - Parameter hard: both sides get a reset.
    func close(hard: Bool) {
        guard !isClosed else { return }
        isClosed = true
        for descriptor in [client, server].compactMap({ $0 }) {
            if hard {
                var now = linger(l_onoff: 1, l_linger: 0)
                setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
            }
            Glibc.close(descriptor)
        }
    }
}
