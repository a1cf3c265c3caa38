extension JSONValue {
    /// The compact JSON text as UTF-8, members in their order.
    public var encoded: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(512)
        encode(into: &output)
        return output
    }

    /// The compact JSON text.
    public var text: String {
        String(decoding: encoded, as: UTF8.self)
    }

    /// Appends the compact JSON text as UTF-8.
    public func encode(into output: inout [UInt8]) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: value ? "true".utf8 : "false".utf8)
        case .number(let number): number.encode(into: &output)
        case .string(let value): value.encodeJSON(into: &output)
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            var isFirst = true
            for element in elements {
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                element.encode(into: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let object):
            output.append(UInt8(ascii: "{"))
            var isFirst = true
            for member in object.members {
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                member.key.encodeJSON(into: &output)
                output.append(UInt8(ascii: ":"))
                member.value.encode(into: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    /// The JSON text for people: one member or element a line, indented by two spaces.
    public var prettyText: String {
        var output: [UInt8] = []
        encodePretty(into: &output, indent: 0)
        return String(decoding: output, as: UTF8.self)
    }

    private func encodePretty(into output: inout [UInt8], indent: Int) {
        func startLine(_ indent: Int) {
            output.append(0x0A)
            output.append(contentsOf: repeatElement(0x20, count: indent))
        }
        switch self {
        case .array(let elements) where !elements.isEmpty:
            output.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                startLine(indent + 2)
                element.encodePretty(into: &output, indent: indent + 2)
            }
            startLine(indent)
            output.append(UInt8(ascii: "]"))
        case .object(let object) where !object.isEmpty:
            output.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                startLine(indent + 2)
                member.key.encodeJSON(into: &output)
                output.append(contentsOf: ": ".utf8)
                member.value.encodePretty(into: &output, indent: indent + 2)
            }
            startLine(indent)
            output.append(UInt8(ascii: "}"))
        case .null, .bool, .number, .string, .array, .object:
            encode(into: &output)
        }
    }
}

extension JSONValue: CustomStringConvertible {
    public var description: String { text }
}

extension JSONNumber {
    func encode(into output: inout [UInt8]) {
        switch storage {
        case .integer(let value): output.append(contentsOf: String(value).utf8)
        case .text(let text): output.append(contentsOf: text.utf8)
        }
    }
}

extension String {
    /// Appends the text in quotes, escaping only what JSON does not allow as it is.
    package func encodeJSON(into output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        var text = self
        text.withUTF8 { bytes in
            var runStart = 0
            for index in bytes.indices where bytes[index].needsJSONEscape {
                output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[runStart..<index]))
                bytes[index].encodeJSONEscape(into: &output)
                runStart = index + 1
            }
            output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[runStart...]))
        }
        output.append(UInt8(ascii: "\""))
    }
}

extension UInt8 {
    fileprivate var needsJSONEscape: Bool {
        self < 0x20 || self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\")
    }

    fileprivate func encodeJSONEscape(into output: inout [UInt8]) {
        output.append(UInt8(ascii: "\\"))
        switch self {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(self)
        case 0x08: output.append(UInt8(ascii: "b"))
        case 0x0C: output.append(UInt8(ascii: "f"))
        case 0x0A: output.append(UInt8(ascii: "n"))
        case 0x0D: output.append(UInt8(ascii: "r"))
        case 0x09: output.append(UInt8(ascii: "t"))
        default:
            let digits = StaticString("0123456789abcdef").utf8Start
            output.append(contentsOf: "u00".utf8)
            output.append(digits[Int(self >> 4)])
            output.append(digits[Int(self & 15)])
        }
    }
}
