extension JSONValue {
    /// The compact JSON text as UTF-8, members in their order.
    public var encoded: [UInt8] {
        var output = ByteWriter()
        encode(into: &output)
        return output.bytes
    }

    /// The compact JSON text.
    public var text: String {
        String(decoding: encoded, as: UTF8.self)
    }

    func encode(into output: inout ByteWriter) {
        switch self {
        case .null: output.append("null")
        case .bool(let value): output.append(value ? "true" : "false")
        case .number(let number): number.encode(into: &output)
        case .string(let value): output.append(quoted: value)
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
                output.append(quoted: member.key)
                output.append(UInt8(ascii: ":"))
                member.value.encode(into: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    /// The JSON text for people: one member or element a line, indented by two spaces.
    public var prettyText: String {
        var output = ByteWriter()
        encodePretty(into: &output, indent: 0)
        return String(decoding: output.bytes, as: UTF8.self)
    }

    private func encodePretty(into output: inout ByteWriter, indent: Int) {
        func startLine(_ output: inout ByteWriter, _ indent: Int) {
            output.append(UInt8(ascii: "\n"))
            for _ in 0..<indent { output.append(UInt8(ascii: " ")) }
        }
        switch self {
        case .array(let elements) where !elements.isEmpty:
            output.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                startLine(&output, indent + 2)
                element.encodePretty(into: &output, indent: indent + 2)
            }
            startLine(&output, indent)
            output.append(UInt8(ascii: "]"))
        case .object(let object) where !object.isEmpty:
            output.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                startLine(&output, indent + 2)
                output.append(quoted: member.key)
                output.append(": ")
                member.value.encodePretty(into: &output, indent: indent + 2)
            }
            startLine(&output, indent)
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
    func encode(into output: inout ByteWriter) {
        switch storage {
        case .integer(let value): output.append(number: value)
        case .text(let text): output.append(text: text)
        }
    }
}
