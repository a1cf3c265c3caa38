extension JSONParser {
    /// Parses the number whose minus sign or first digit is next.
    mutating func number() throws(JSONError) -> JSONNumber {
        let start = index
        if bytes[index] == UInt8(ascii: "-") { index += 1 }
        let integerStart = index
        let magnitude = try integerDigits()
        let integerDigitCount = index - integerStart
        let isPlain = index == bytes.count || !isFractionOrExponent(bytes[index])
        if isPlain, integerDigitCount <= 18, magnitude != 0 || integerStart == start {
            return JSONNumber(integerStart == start ? magnitude : -magnitude)
        }
        if !isPlain, bytes[index] == UInt8(ascii: ".") {
            index += 1
            try skipDigits("a digit after the decimal point")
        }
        var exponent = 0
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            exponent = try self.exponent()
        }
        let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<index]), as: UTF8.self)
        // Fewer than 308 digits before the point are in range for certain; the rest is for Double to say.
        if integerDigitCount + exponent > 307, Double(text)?.isFinite != true {
            throw failure(.jsonNumber, at: start, "a number in the finite range of a Double")
        }
        if isPlain, let value = Int64(text), value != 0 { return JSONNumber(value) }
        return JSONNumber(storage: .text(text))
    }

    /// Steps over the digits before the point; returns their value where there are at most 18.
    private mutating func integerDigits() throws(JSONError) -> Int64 {
        let start = index
        var value: Int64 = 0
        while index < bytes.count, let digit = digit(bytes[index]) {
            value = value &* 10 &+ digit
            index += 1
        }
        guard index > start else { throw unexpected("a digit", .jsonNumber) }
        if bytes[start] == UInt8(ascii: "0"), index > start + 1 {
            throw failure(.jsonNumber, at: start, "a number without leading zeros")
        }
        return value
    }

    /// Parses `e`, a sign and at most nine digits that count, which keeps every exact value computable.
    private mutating func exponent() throws(JSONError) -> Int {
        index += 1
        var isNegative = false
        if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
            isNegative = bytes[index] == UInt8(ascii: "-")
            index += 1
        }
        let start = index
        try skipDigits("a digit in the exponent")
        let digits = bytes[start..<index].drop { $0 == UInt8(ascii: "0") }
        guard digits.count <= 9 else {
            throw failure(.jsonNumber, at: start, "an exponent of at most nine digits")
        }
        let value = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        return isNegative ? -value : value
    }

    private mutating func skipDigits(_ expected: String) throws(JSONError) {
        let start = index
        while index < bytes.count, digit(bytes[index]) != nil { index += 1 }
        guard index > start else { throw unexpected(expected, .jsonNumber) }
    }

    private func digit(_ byte: UInt8) -> Int64? {
        let value = byte &- UInt8(ascii: "0")
        return value < 10 ? Int64(value) : nil
    }

    private func isFractionOrExponent(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e")
    }
}
