import SagaBus
import SagaCore

// How the outbox and the dead letters keep a message's properties.
extension MessageProperties {
    /// Written without values in between: there is one for each message.
    package var encodedJSON: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(256)
        func add(_ name: StaticString) {
            output.append(UInt8(ascii: output.isEmpty ? "{" : ","))
            output.append(UInt8(ascii: "\""))
            output.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
            output.append(contentsOf: "\":".utf8)
        }
        func add(_ name: StaticString, _ text: String?) {
            guard let text else { return }
            add(name)
            text.encodeJSON(into: &output)
        }
        add("contentType", contentType)
        add("messageID", messageID)
        add("correlationID", correlationID)
        add("type", type)
        add("replyTo", replyTo)
        if let expirationMilliseconds {
            add("expiration")
            output.append(contentsOf: "\(expirationMilliseconds)".utf8)
        }
        if !headers.isEmpty {
            add("headers")
            for (index, header) in headers.enumerated() {
                output.append(contentsOf: index == 0 ? "[[".utf8 : ",[".utf8)
                header.name.encodeJSON(into: &output)
                output.append(UInt8(ascii: ","))
                switch header.value {
                case .string(let text): text.encodeJSON(into: &output)
                case .int(let number): output.append(contentsOf: "\(number)".utf8)
                case .bool(let flag): output.append(contentsOf: flag ? "true".utf8 : "false".utf8)
                case .unsupported: output.append(contentsOf: "null".utf8)
                }
                output.append(UInt8(ascii: "]"))
            }
            output.append(UInt8(ascii: "]"))
        }
        output.append(contentsOf: output.isEmpty ? "{}".utf8 : "}".utf8)
        return output
    }

    init(json: JSONValue) {
        self.init(
            contentType: json["contentType"]?.string, messageID: json["messageID"]?.string,
            correlationID: json["correlationID"]?.string, type: json["type"]?.string,
            replyTo: json["replyTo"]?.string, expirationMilliseconds: json["expiration"]?.int64)
        for pair in json["headers"]?.array ?? [] {
            guard let pair = pair.array, pair.count == 2, let name = pair[0].string else { continue }
            if let text = pair[1].string {
                headers.append((name, .string(text)))
            } else if let number = pair[1].int64 {
                headers.append((name, .int(number)))
            } else if let flag = pair[1].bool {
                headers.append((name, .bool(flag)))
            } else if pair[1].isNull {
                headers.append((name, .unsupported))
            }
        }
    }

    /// Without what no database and no terminal should see: a NUL would cut a text in SQLite.
    var storable: MessageProperties {
        func clean(_ text: String?) -> String? { text?.replacingNULs }
        var copy = MessageProperties(
            contentType: clean(contentType), messageID: clean(messageID), correlationID: clean(correlationID),
            type: clean(type), replyTo: clean(replyTo), userID: nil, expirationMilliseconds: expirationMilliseconds)
        copy.headers = headers.map { name, value in
            if case .string(let text) = value { return (name.replacingNULs, .string(text.replacingNULs)) }
            return (name.replacingNULs, value)
        }
        return copy
    }
}

extension String {
    var replacingNULs: String {
        utf8.contains(0)
            ? String(String.UnicodeScalarView(unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 })) : self
    }
}
