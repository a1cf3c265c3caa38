import SagaBus
import SagaCore

// How the outbox and the dead letters keep a message's properties.
extension MessageProperties {
    /// Written without values in between: there is one for each message.
    package var encodedJSON: [UInt8] {
        var output = ByteWriter(capacity: 256)
        output.append("{")
        output.append(member: "contentType", contentType)
        output.append(member: "messageID", messageID)
        output.append(member: "correlationID", correlationID)
        output.append(member: "type", type)
        output.append(member: "replyTo", replyTo)
        output.append(member: "expiration", expirationMilliseconds)
        if !headers.isEmpty {
            output.append(member: "headers")
            for (index, header) in headers.enumerated() {
                output.append(index == 0 ? "[[" : ",[")
                output.append(quoted: header.name)
                output.append(UInt8(ascii: ","))
                switch header.value {
                case .string(let text): output.append(quoted: text)
                case .int(let number): output.append(number: number)
                case .bool(let flag): output.append(flag ? "true" : "false")
                case .unsupported: output.append("null")
                }
                output.append(UInt8(ascii: "]"))
            }
            output.append(UInt8(ascii: "]"))
        }
        output.append("}")
        return output.bytes
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
