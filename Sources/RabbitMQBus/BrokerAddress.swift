import SagaBus

/// Where a broker is and who we are there, from a URL like `amqps://user:password@host:5671/vhost?heartbeat=10`.
struct BrokerAddress: Sendable, Hashable {
    var host: String
    var port: Int
    var isTLS: Bool
    var user: String
    var password: String
    var virtualHost: String
    /// From the query, where it says more than the options.
    var heartbeatSeconds: Int?
    var certificateAuthorityFile: String?

    init(_ url: String) throws(BusError) {
        guard let schemeEnd = url.firstRange(ofText: "://") else {
            throw Self.invalid("it must begin with amqp:// or amqps://")
        }
        switch url[..<schemeEnd.lowerBound].lowercased() {
        case "amqp": isTLS = false
        case "amqps": isTLS = true
        default: throw Self.invalid("it must begin with amqp:// or amqps://")
        }
        var rest = url[schemeEnd.upperBound...]
        var query: Substring = ""
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        var path: Substring = ""
        if let slash = rest.firstIndex(of: "/") {
            path = rest[rest.index(after: slash)...]
            rest = rest[..<slash]
        }
        user = "guest"
        password = "guest"
        if let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            user = try Self.decoded(parts[0], "the user")
            password = parts.count > 1 ? try Self.decoded(parts[1], "the password") : ""
            rest = rest[rest.index(after: at)...]
        }
        (host, port) = try Self.hostAndPort(rest, defaultPort: isTLS ? 5671 : 5672)
        guard !path.contains("/") else { throw Self.invalid("a / in the virtual host is written %2F") }
        virtualHost = path.isEmpty ? "/" : try Self.decoded(path, "the virtual host")
        for item in query.split(separator: "&") {
            try apply(item)
        }
    }

    /// Without user and password: for logs, and to recognise the broker again.
    var description: String {
        let encoded = virtualHost.utf8.map { byte in
            let isPlain = byte < 128 && (Character(Unicode.Scalar(byte)).isLetter || (48...57).contains(byte))
            return isPlain || "-._~".utf8.contains(byte)
                ? String(Unicode.Scalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
        let name = host.contains(":") ? "[\(host)]" : host
        return "\(isTLS ? "amqps" : "amqp")://\(name):\(port)/\(encoded.joined())"
    }

    private mutating func apply(_ item: Substring) throws(BusError) {
        let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let value = parts.count > 1 ? try Self.decoded(parts[1], "the query") : ""
        switch parts[0] {
        case "heartbeat":
            guard let seconds = Int(value), (1...3600).contains(seconds) else {
                throw Self.invalid("heartbeat must be 1 to 3600 seconds")
            }
            heartbeatSeconds = seconds
        case "cacertfile":
            guard !value.isEmpty else { throw Self.invalid("cacertfile must be a path") }
            certificateAuthorityFile = value
        default:
            throw Self.invalid("it knows only heartbeat and cacertfile after the question mark")
        }
    }

    private static func hostAndPort(_ text: Substring, defaultPort: Int) throws(BusError) -> (String, Int) {
        var host = text
        var port = defaultPort
        let isBracketed = text.hasPrefix("[")
        let afterHost = isBracketed ? (text.firstIndex(of: "]") ?? text.startIndex) : text.startIndex
        if let colon = text[afterHost...].lastIndex(of: ":") {
            guard let number = Int(text[text.index(after: colon)...]), (1...65535).contains(number) else {
                throw invalid("the port must be 1 to 65535")
            }
            port = number
            host = text[..<colon]
        }
        if isBracketed {
            guard host.hasSuffix("]") else { throw invalid("an IPv6 address ends with ]") }
            host = host.dropFirst().dropLast()
        }
        guard !host.isEmpty else { throw invalid("it names no host") }
        return (try decoded(host, "the host"), port)
    }

    private static func decoded(_ text: Substring, _ what: String) throws(BusError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let digits = String(rest.prefix(2)), digits.utf8.count == 2, let code = UInt8(digits, radix: 16)
            else {
                throw invalid("a % in \(what) must be followed by two hexadecimal digits")
            }
            bytes.append(code)
            rest = rest.dropFirst(2)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw invalid("\(what) is not text")
        }
        return decoded
    }

    /// Never repeats the address: it holds a password.
    private static func invalid(_ what: String) -> BusError {
        BusError(
            .invalidAddress, "The broker's address is not valid: \(what). Example: amqp://guest:guest@127.0.0.1:5672/")
    }
}

extension String {
    fileprivate func firstRange(ofText text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            formIndex(after: &start)
        }
        return nil
    }
}
