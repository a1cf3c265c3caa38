extension JSONValue {
    /// The compact text in a form that is equal for documents that mean the same.
    ///
    /// Keys are sorted by their UTF-8 bytes at every level; numbers are written by exact value, so that `1`, `1.0` and
    /// `1e0` are equal, and so are `0` and `-0`. Still valid JSON.
    public var canonical: [UInt8] {
        var output = ByteWriter()
        encodeCanonical(into: &output)
        return output.bytes
    }

    private func encodeCanonical(into output: inout ByteWriter) {
        switch self {
        case .null, .bool, .string:
            encode(into: &output)
        case .number(let number):
            number.encodeCanonical(into: &output)
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                element.encodeCanonical(into: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let object):
            let members = object.members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            output.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                output.append(quoted: member.key)
                output.append(UInt8(ascii: ":"))
                member.value.encodeCanonical(into: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }
}

extension JSONNumber {
    /// Plain digits up to 19 of them for a whole number; else all digits that count and an exponent, `15e-1`.
    fileprivate func encodeCanonical(into output: inout ByteWriter) {
        guard case .text(let text) = storage else { return encode(into: &output) }
        var (digits, exponent) = Self.decimal(Array(text.utf8))
        guard !digits.isEmpty else { return output.append(UInt8(ascii: "0")) }
        if text.utf8.first == UInt8(ascii: "-") { output.append(UInt8(ascii: "-")) }
        if exponent >= 0, digits.count + exponent <= 19 {
            digits.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: exponent))
            exponent = 0
        }
        for digit in digits { output.append(digit) }
        if exponent != 0 { output.append(text: "e\(exponent)") }
    }

    /// The magnitude of a literal as digits without zeros at either end, times a power of ten; no digits for zero.
    private static func decimal(_ literal: [UInt8]) -> (digits: [UInt8], exponent: Int) {
        let exponentMark = literal.firstIndex { $0 | 0x20 == UInt8(ascii: "e") } ?? literal.endIndex
        let point = literal[..<exponentMark].firstIndex(of: UInt8(ascii: "."))
        var digits = literal[..<exponentMark].filter { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        let written = String(decoding: literal[exponentMark...].dropFirst(), as: UTF8.self)
        var exponent = (Int(written) ?? 0) - (point.map { exponentMark - $0 - 1 } ?? 0)
        while digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            exponent += 1
        }
        return (Array(digits.drop { $0 == UInt8(ascii: "0") }), exponent)
    }
}
