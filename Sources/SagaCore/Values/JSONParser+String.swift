extension JSONParser {
    /// Parses the string whose opening quote is next; one without escapes is copied in one piece.
    mutating func string() throws(JSONError) -> String {
        index += 1
        let start = index
        try skipPlainText()
        if bytes[index] == UInt8(ascii: "\"") {
            let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<index]), as: UTF8.self)
            index += 1
            return text
        }
        return try escapedString(from: start)
    }

    /// Steps over characters up to the next quote or backslash, which must come.
    private mutating func skipPlainText() throws(JSONError) {
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
            if byte < 0x20 {
                guard byte != 0 else { throw failure(.jsonEncoding, at: index, "text without U+0000") }
                throw failure(.jsonSyntax, at: index, "an escape instead of a control character")
            }
            if byte < 0x80 {
                index += 1
            } else {
                guard let length = utf8SequenceLength(at: index) else {
                    throw failure(.jsonEncoding, at: index, "UTF-8")
                }
                index += length
            }
        }
        throw failure(.jsonSyntax, at: index, "a closing quote")
    }

    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var text: [UInt8] = []
        var runStart = start
        while true {
            text.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[runStart..<index]))
            if bytes[index] == UInt8(ascii: "\"") {
                index += 1
                return String(decoding: text, as: UTF8.self)
            }
            try escape(into: &text)
            runStart = index
            try skipPlainText()
        }
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        let kind = index + 1 < bytes.count ? bytes[index + 1] : 0
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(kind)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            text.append(contentsOf: try unicodeEscape().utf8)
            return
        default:
            index += 1
            throw unexpected("one of \" \\ / b f n r t u after a backslash")
        }
        index += 2
    }

    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let start = index
        let first = try codeUnit()
        if first == 0 { throw failure(.jsonEncoding, at: start, "text without U+0000") }
        if let scalar = Unicode.Scalar(first) { return scalar }
        let hasLow =
            first < 0xDC00 && index + 1 < bytes.count && bytes[index] == UInt8(ascii: "\\")
            && bytes[index + 1] == UInt8(ascii: "u")
        guard hasLow else { throw failure(.jsonEncoding, at: start, "a pair of surrogates") }
        let second = try codeUnit()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
        else { throw failure(.jsonEncoding, at: start, "a pair of surrogates") }
        return scalar
    }

    /// Parses `\uXXXX`.
    private mutating func codeUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        index += 2
        for _ in 0..<4 {
            guard index < bytes.count, let digit = Self.hexDigit(bytes[index]) else {
                throw unexpected("four hexadecimal digits")
            }
            unit = unit << 4 | digit
            index += 1
        }
        return unit
    }

    private static func hexDigit(_ byte: UInt8) -> UInt16? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// The length of the well-formed sequence of two to four bytes at `start` (Unicode, table 3-7); nil if it is none.
    func utf8SequenceLength(at start: Int) -> Int? {
        let length: Int
        let second: ClosedRange<UInt8>
        switch bytes[start] {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return nil
        }
        guard start + length <= bytes.count, second.contains(bytes[start + 1]) else { return nil }
        for offset in 2..<length {
            guard bytes[start + offset] & 0xC0 == 0x80 else { return nil }
        }
        return length
    }
}
