import SagaBus
import SagaCore

/// One message of a round, and how it came about.
package struct FuzzMessage: Sendable, Hashable {
    /// Its place among the mutants of its round; nil for a valid message, which must be handled as ever.
    package let number: Int?
    package let door: FuzzDoor
    /// What was done to a valid message to get this one.
    package let changes: [String]
    package let message: Message

    init(number: Int? = nil, door: FuzzDoor, changes: [String] = [], message: Message) {
        self.number = number
        self.door = door
        self.changes = changes
        self.message = message
    }

    /// The header by which a dead letter is known again.
    static let numberHeader = "fuzz-number"

    static func number(of properties: MessageProperties) -> Int? {
        guard case .int(let number)? = properties.header(numberHeader) else { return nil }
        return Int(number)
    }
}

// MARK: - In a file

extension FuzzMessage {
    /// All of it, the body in hexadecimal digits: it may be anything.
    package var json: JSONValue {
        let properties = message.properties
        var object: JSONObject = [
            "number": number.map { .number(JSONNumber(Int64($0))) } ?? .null, "door": .string(door.rawValue),
            "changes": .array(changes.map { .string($0) }), "exchange": .string(message.exchange),
            "routingKey": .string(message.routingKey),
        ]
        for (name, text) in Self.texts { object[name] = properties[keyPath: text].map { Self.hex($0) } }
        object["headers"] = .array(
            properties.headers.map { header in
                switch header.value {
                case .string(let text): [Self.hex(header.name), "string", Self.hex(text)]
                case .int(let number): [Self.hex(header.name), "int", .number(JSONNumber(number))]
                case .bool(let flag): [Self.hex(header.name), "bool", .bool(flag)]
                case .unsupported: [Self.hex(header.name), "unsupported", .null]
                }
            })
        object["body"] = Self.hex(message.body)
        return .object(object)
    }

    package init?(json: JSONValue) {
        guard let door = json["door"]?.string.flatMap(FuzzDoor.init(rawValue:)),
            let exchange = json["exchange"]?.string, let routingKey = json["routingKey"]?.string,
            let body = Self.bytes(json["body"])
        else { return nil }
        var properties = MessageProperties(contentType: nil)
        for (name, text) in Self.texts { properties[keyPath: text] = Self.text(json[name]) }
        for header in json["headers"]?.array ?? [] {
            guard let parts = header.array, parts.count == 3, let name = Self.text(parts[0]) else { return nil }
            let value: HeaderValue? =
                switch parts[1].string {
                case "string": Self.text(parts[2]).map { .string($0) }
                case "int": parts[2].int64.map { .int($0) }
                case "bool": parts[2].bool.map { .bool($0) }
                default: .unsupported
                }
            guard let value else { return nil }
            properties.headers.append((name, value))
        }
        self.init(
            number: json["number"]?.int64.map { Int($0) }, door: door,
            changes: json["changes"]?.array?.compactMap(\.string) ?? [],
            message: Message(exchange: exchange, routingKey: routingKey, properties: properties, body: body))
    }

    private static var texts: [(String, WritableKeyPath<MessageProperties, String?>)] {
        [
            ("contentType", \.contentType), ("messageID", \.messageID), ("correlationID", \.correlationID),
            ("type", \.type), ("replyTo", \.replyTo), ("userID", \.userID),
        ]
    }

    private static func hex(_ text: String) -> JSONValue { hex(Array(text.utf8)) }

    private static func hex(_ bytes: [UInt8]) -> JSONValue {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return .string(String(decoding: text, as: UTF8.self))
    }

    private static func bytes(_ json: JSONValue?) -> [UInt8]? {
        guard let digits = json?.string.map({ Array($0.utf8) }), digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            let pair = String(decoding: digits[index...index + 1], as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private static func text(_ json: JSONValue?) -> String? {
        bytes(json).map { String(decoding: $0, as: UTF8.self) }
    }
}
