import CRabbitMQ
import SagaBus

#if canImport(Glibc)
    import Glibc
#endif

/// One connection with its one channel: the only class that holds librabbitmq's pointer.
///
/// `@unchecked Sendable`: one thread uses it at a time; whoever opens it hands it to its loop's thread and keeps no
/// reference.
final class Connection: @unchecked Sendable {
    static let channel: amqp_channel_t = 1
    /// Nested header tables are decoded recursively, so that a frame's size bounds the stack they take.
    private static let longestFrame: Int32 = 128 << 10

    let state: amqp_connection_state_t
    let arena = ByteArena()
    let address: BrokerAddress
    let options: RabbitMQOptions
    private var assembler = ContentAssembler()

    private init(state: amqp_connection_state_t, address: BrokerAddress, options: RabbitMQOptions) {
        self.state = state
        self.address = address
        self.options = options
    }

    deinit { amqp_destroy_connection(state) }

    private var heartbeatSeconds: Int32 {
        Int32(clamping: max(1, address.heartbeatSeconds.map(Int64.init) ?? options.heartbeat.components.seconds))
    }

    // MARK: Opening

    /// Connects, logs in and opens the channel.
    static func open(
        to address: BrokerAddress, options: RabbitMQOptions, purpose: String
    ) throws(ConnectionFailure) -> Connection {
        guard let state = amqp_new_connection() else { throw ConnectionFailure(.connection, "No memory is left.") }
        let connection = Connection(state: state, address: address, options: options)
        try connection.connect()
        try connection.logIn(name: "\(options.connectionName) \(purpose)")
        _ = amqp_channel_open(state, channel)
        try connection.checkReply("Opening a channel")
        return connection
    }

    private func connect() throws(ConnectionFailure) {
        let what = "Cannot reach the broker at \(address.host):\(address.port)"
        guard let socket = address.isTLS ? amqp_ssl_socket_new(state) : amqp_tcp_socket_new(state) else {
            throw ConnectionFailure(.connection, "\(what): no socket is to be had.")
        }
        if address.isTLS {
            amqp_ssl_socket_set_verify_peer(socket, 1)
            amqp_ssl_socket_set_verify_hostname(socket, 1)
            let file = address.certificateAuthorityFile ?? options.certificateAuthorityFile
            guard amqp_ssl_socket_set_cacert(socket, file) == AMQP_STATUS_OK.rawValue else {
                throw ConnectionFailure(.invalidAddress, "Cannot read the certificate authorities in \(file).")
            }
            guard
                amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST) == AMQP_STATUS_OK.rawValue
            else { throw ConnectionFailure(.protocolViolation, "\(what): TLS 1.2 is not to be had.") }
        }
        var patience = timeval(options.timeout)
        amqp_set_handshake_timeout(state, &patience)
        amqp_set_rpc_timeout(state, &patience)
        let status = amqp_socket_open_noblock(socket, address.host, Int32(address.port), &patience)
        guard status == AMQP_STATUS_OK.rawValue else { throw ConnectionFailure(status: status, what) }
    }

    private func logIn(name: String) throws(ConnectionFailure) {
        let reply = skald_login(
            state, address.virtualHost, Self.longestFrame, heartbeatSeconds, address.user, address.password, name)
        if let failure = ConnectionFailure(reply, "Cannot log in to the broker at \(address.host) as \(address.user)") {
            throw failure
        }
    }

    /// Says goodbye, so that the broker need not find out.
    func close() {
        var patience = timeval(.seconds(2))
        amqp_set_rpc_timeout(state, &patience)
        _ = amqp_connection_close(state, AMQP_REPLY_SUCCESS)
    }

    func checkReply(_ what: String) throws(ConnectionFailure) {
        if let failure = ConnectionFailure(amqp_get_rpc_reply(state), what) { throw failure }
    }

    // MARK: Writing

    /// Runs writes, which have no deadline in the library, under the eye of a watchdog: under an alarm the broker stops
    /// reading, and a write would wait for ever. Several writes leave in as few packets as they fit into.
    func writing(
        several: Bool, _ body: () throws(ConnectionFailure) -> Void
    ) throws(ConnectionFailure) {
        let seconds = Int64(heartbeatSeconds) * 2
        let socket = amqp_get_sockfd(state)
        let watch = WriteWatchdog.shared.watch(socket: socket, atMost: .seconds(seconds))
        if several { skald_gather(socket, 1) }
        defer { if several { skald_gather(socket, 0) } }
        do throws(ConnectionFailure) {
            try body()
        } catch {
            if WriteWatchdog.shared.end(watch) { throw error }
            throw ConnectionFailure(.timeout, "The broker has taken nothing for \(seconds) s.")
        }
        _ = WriteWatchdog.shared.end(watch)
    }

    func checkStatus(_ status: Int32, _ what: String) throws(ConnectionFailure) {
        if status != AMQP_STATUS_OK.rawValue { throw ConnectionFailure(status: status, what) }
    }

    // MARK: Reading

    /// Takes everything that has arrived, without waiting. What came before a failure is in `incoming`.
    func receive(into incoming: inout [Incoming]) throws(ConnectionFailure) {
        var frame = amqp_frame_t()
        var now = timeval()
        while true {
            let status = amqp_simple_wait_frame_noblock(state, &frame, &now)
            if status == AMQP_STATUS_TIMEOUT.rawValue { return }
            try checkStatus(status, "The connection to the broker is lost")
            let new = try interpret(frame)
            amqp_maybe_release_buffers(state)
            if let new { incoming.append(new) }
        }
    }

    private func interpret(_ frame: amqp_frame_t) throws(ConnectionFailure) -> Incoming? {
        switch Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD: return try interpret(frame.payload.method)
        case AMQP_FRAME_HEADER:
            let header = frame.payload.properties
            return assembler.header(
                header.decoded?.assumingMemoryBound(to: amqp_basic_properties_t.self).pointee,
                bodySize: header.body_size)
        case AMQP_FRAME_BODY: return assembler.body(frame.payload.body_fragment.buffer)
        default: return nil
        }
    }

    private func interpret(_ method: amqp_method_t) throws(ConnectionFailure) -> Incoming? {
        func decoded<Method>(_ type: Method.Type, _ use: (Method) -> Incoming?) -> Incoming? {
            method.decoded.flatMap { use($0.assumingMemoryBound(to: type).pointee) }
        }
        switch method.id {
        case AMQP_BASIC_DELIVER_METHOD:
            return decoded(amqp_basic_deliver_t.self) {
                assembler.begin($0)
                return nil
            }
        case AMQP_BASIC_RETURN_METHOD:
            return decoded(amqp_basic_return_t.self) {
                assembler.begin($0)
                return nil
            }
        case AMQP_BASIC_ACK_METHOD:
            return decoded(amqp_basic_ack_t.self) { .confirmed(number: $0.delivery_tag, multiple: $0.multiple != 0) }
        case AMQP_BASIC_NACK_METHOD:
            return decoded(amqp_basic_nack_t.self) { .rejected(number: $0.delivery_tag, multiple: $0.multiple != 0) }
        case AMQP_BASIC_CANCEL_METHOD: return .cancelled
        case AMQP_CONNECTION_BLOCKED_METHOD:
            return decoded(amqp_connection_blocked_t.self) { .blocked(reason: String($0.reason)) }
        case AMQP_CONNECTION_UNBLOCKED_METHOD: return .unblocked
        default:
            if let failure = ConnectionFailure.closing(method, "The broker closed the connection") { throw failure }
            return nil
        }
    }

    /// Waits until the broker has sent something or the inbox has a command, at most until a heartbeat may be due, and
    /// lowers the inbox's flag. Call only after ``receive(into:)``, which empties the library's own buffers.
    func wait(orFor inbox: EventFlag) {
        var sources = [
            pollfd(fd: amqp_get_sockfd(state), events: Int16(POLLIN), revents: 0),
            pollfd(fd: inbox.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        // Heartbeats are sent and missed ones noticed by receive(into:); often enough to keep to the time.
        poll(&sources, 2, max(50, heartbeatSeconds * 100))
        if sources[1].revents != 0 { inbox.lower() }
    }
}

extension timeval {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    }
}
