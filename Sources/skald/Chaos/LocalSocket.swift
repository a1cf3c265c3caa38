import Glibc

/// Sockets on 127.0.0.1.
enum LocalSocket {
    static func make() -> Int32 {
        socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    }

    /// Never waits, and is not handed to processes we start.
    static func prepare(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    /// A listening socket and its port. Nil where the port is taken.
    static func listen(port: Int = 0) -> (descriptor: Int32, port: Int)? {
        let descriptor = make()
        guard descriptor >= 0 else { return nil }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
        var address = address(port: port)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && Glibc.listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isListening else {
            close(descriptor)
            return nil
        }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// Begins to connect; nil where that is refused at once.
    static func connect(port: Int) -> Int32? {
        let descriptor = make()
        guard descriptor >= 0 else { return nil }
        var address = address(port: port)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result == 0 || errno == EINPROGRESS { return descriptor }
        close(descriptor)
        return nil
    }

    static func isFree(port: Int) -> Bool {
        guard let listener = listen(port: port) else { return false }
        close(listener.descriptor)
        return true
    }

    /// Answers the protocol header as a broker does that takes connections.
    static func speaksAMQP(port: Int) -> Bool {
        guard let descriptor = connect(port: port) else { return false }
        defer { close(descriptor) }
        guard isReady(descriptor, for: POLLOUT, within: 1000) else { return false }
        let header = Array("AMQP".utf8) + [0, 0, 9, 1]
        guard send(descriptor, header, header.count, Int32(MSG_NOSIGNAL)) == header.count,
            isReady(descriptor, for: POLLIN, within: 2000)
        else { return false }
        var first: UInt8 = 0
        return recv(descriptor, &first, 1, 0) == 1 && first == 1
    }

    private static func isReady(_ descriptor: Int32, for events: Int32, within milliseconds: Int32) -> Bool {
        var source = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&source, 1, milliseconds) == 1 && Int32(source.revents) & (events | POLLHUP | POLLERR) == events
    }

    private static func address(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
