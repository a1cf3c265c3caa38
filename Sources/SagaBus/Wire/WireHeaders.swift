import SagaCore

/// Header names of the wire protocol.
package enum WireHeader {
    package static let attempt = "skald-attempt"
    package static let step = "skald-step"
    package static let outcome = "skald-outcome"
    package static let retryAfter = "skald-retry-after"
    static let version = "skald-version"
    static let again = "skald-again"
    static let traceparent = "traceparent"
    static let reason = "skald-reason"
    static let detail = "skald-detail"
    static let exchange = "skald-exchange"
    static let routingKey = "skald-routing-key"
}

extension MessageProperties {
    func requiredMessageID() throws(Refusal) -> String {
        try Self.checkedID(messageID, "message_id")
    }

    func requiredCorrelationID() throws(Refusal) -> String {
        try Self.checkedID(correlationID, "correlation_id")
    }

    func requiredType() throws(Refusal) -> String {
        try Self.checkedID(type, "type")
    }

    /// Where an answer can go: an empty text is no address, and a longer one than AMQP carries was no UTF-8.
    package var replyAddress: String? {
        replyTo.flatMap { (1...255).contains($0.utf8.count) ? $0 : nil }
    }

    /// Present, at most 255 bytes, no control characters.
    private static func checkedID(_ id: String?, _ property: String) throws(Refusal) -> String {
        guard let id, !id.isEmpty else {
            throw Refusal(code: .missingID, path: property, message: "the property \(property) is required")
        }
        guard id.utf8.count <= 255, !id.hasControlCharacters
        else {
            throw Refusal(
                code: .idFormat, path: property,
                message: "\(property) must be at most 255 bytes without control characters")
        }
        return id
    }

    /// The W3C `traceparent`, if one came that could be one.
    var traceparent: String? {
        guard case .string(let text)? = header(WireHeader.traceparent), text.utf8.count <= 64,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else { return nil }
        return text
    }

    /// An integer header, whatever kind of number or text the client's library made of it.
    func integerHeader(_ name: String) throws(Refusal) -> Int64? {
        switch header(name) {
        case nil: return nil
        case .int(let number): return number
        case .string(let text):
            if let number = Int64(text) { return number }
        case .bool, .unsupported: break
        }
        throw Refusal(code: .fieldType, path: "headers.\(name)", message: "the header \(name) must be an integer")
    }

    func textHeader(_ name: String) throws(Refusal) -> String? {
        switch header(name) {
        case nil: return nil
        case .string(let text): return text
        case .int, .bool, .unsupported:
            throw Refusal(code: .fieldType, path: "headers.\(name)", message: "the header \(name) must be a text")
        }
    }

    /// What ``integerHeader(_:)`` or ``textHeader(_:)`` has found, which must be there.
    static func required<Value>(_ value: Value?, _ name: String) throws(Refusal) -> Value {
        guard let value else {
            throw Refusal(code: .fieldMissing, path: "headers.\(name)", message: "the header \(name) is required")
        }
        return value
    }
}

extension Message {
    /// The body as JSON; an empty body is an empty object.
    private func json(limits: JSONLimits) throws(Refusal) -> JSONValue {
        guard !body.isEmpty else { return [:] }
        do {
            return try JSONValue.parse(body, limits: limits)
        } catch {
            throw Refusal(
                code: error.code, path: "",
                message: "body, line \(error.line) column \(error.column): expected \(error.expected)")
        }
    }

    func jsonObject(limits: JSONLimits = .message) throws(Refusal) -> JSONObject {
        guard let object = try json(limits: limits).object else {
            throw Refusal(code: .fieldType, path: "", message: "the body must be a JSON object")
        }
        return object
    }
}

extension String {
    /// Whether it holds a character of Unicode's category Cc.
    package var hasControlCharacters: Bool {
        // Plain text is seen without decoding it.
        !utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
            && unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
}
