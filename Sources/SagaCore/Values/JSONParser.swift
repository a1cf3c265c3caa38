/// A strict RFC 8259 parser over bytes.
///
/// Stricter than the RFC where it leaves a choice: no duplicate keys, no byte order mark, no lone surrogates, no
/// U+0000, no number beyond a Double's finite range, bounded depth and size.
struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let maxDepth: Int
    var index = 0

    static func parse(_ bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) throws(JSONError) -> JSONValue {
        guard bytes.count <= limits.maxBytes else {
            throw JSONError(
                code: .messageTooLarge, byteOffset: 0, line: 1, column: 1, expected: "at most \(limits.maxBytes) bytes")
        }
        var parser = JSONParser(bytes: bytes, maxDepth: limits.maxDepth)
        return try parser.document()
    }

    private mutating func document() throws(JSONError) -> JSONValue {
        try refuseOtherEncodings()
        skipWhitespace()
        let value = try value(depth: 0)
        skipWhitespace()
        guard index == bytes.count else { throw unexpected("the end of the text") }
        return value
    }

    /// A JSON text in UTF-16 or UTF-32 begins with a byte order mark or has a zero among its first two bytes.
    private func refuseOtherEncodings() throws(JSONError) {
        guard bytes.count >= 2 else { return }
        let (first, second) = (bytes[0], bytes[1])
        let isWide = first == 0 || second == 0 || (first == 0xFF && second == 0xFE) || (first == 0xFE && second == 0xFF)
        if isWide { throw failure(.jsonEncoding, at: 0, "UTF-8") }
        if bytes.count >= 3, first == 0xEF, second == 0xBB, bytes[2] == 0xBF {
            throw failure(.jsonEncoding, at: 0, "UTF-8 without a byte order mark")
        }
    }

    mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard index < bytes.count else { throw unexpected("a value") }
        switch bytes[index] {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "N"), UInt8(ascii: "I"):
            throw failure(.jsonNumber, at: index, "a value; numbers are finite and begin with - or a digit")
        default: throw unexpected("a value")
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for offset in 0..<word.utf8CodeUnitCount {
            guard index < bytes.count, bytes[index] == word.utf8Start[offset] else {
                throw unexpected("the rest of \(word)")
            }
            index += 1
        }
        return value
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        try enter(depth)
        var elements: [JSONValue] = []
        if take(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            elements.append(try value(depth: depth + 1))
            skipWhitespace()
            if take(UInt8(ascii: "]")) { return .array(elements) }
            guard take(UInt8(ascii: ",")) else { throw unexpected("a comma or ]") }
            skipWhitespace()
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        try enter(depth)
        if take(UInt8(ascii: "}")) { return .object(JSONObject()) }
        var members: [(key: String, value: JSONValue)] = []
        members.reserveCapacity(4)
        var keys = JSONKeySet()
        while true {
            let start = index
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
            let key = try string()
            guard keys.insert(key, among: members) else {
                throw failure(.jsonDuplicateKey, at: start, "a key that the object does not have yet")
            }
            skipWhitespace()
            guard take(UInt8(ascii: ":")) else { throw unexpected("a colon") }
            skipWhitespace()
            members.append((key, try value(depth: depth + 1)))
            skipWhitespace()
            if take(UInt8(ascii: "}")) { return .object(JSONObject(distinct: members)) }
            guard take(UInt8(ascii: ",")) else { throw unexpected("a comma or }") }
            skipWhitespace()
        }
    }

    /// Steps over an opening bracket and the whitespace behind it.
    private mutating func enter(_ depth: Int) throws(JSONError) {
        guard depth < maxDepth else {
            throw failure(.jsonDepth, at: index, "at most \(maxDepth) levels of arrays and objects")
        }
        index += 1
        skipWhitespace()
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipWhitespace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x0A, 0x0D, 0x09: index += 1
            default: return
            }
        }
    }
}

// MARK: - Failures

extension JSONParser {
    /// What is next is not what was expected; where it is not even UTF-8, that is what the error says.
    func unexpected(_ expected: String, _ code: RefusalCode = .jsonSyntax) -> JSONError {
        if index < bytes.count, bytes[index] >= 0x80, utf8SequenceLength(at: index) == nil {
            return failure(.jsonEncoding, at: index, "UTF-8")
        }
        return failure(code, at: index, expected)
    }

    @inline(never)
    func failure(_ code: RefusalCode, at offset: Int, _ expected: String) -> JSONError {
        var line = 1
        var column = 1
        for byte in bytes[..<offset] {
            if byte == 0x0A {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return JSONError(code: code, byteOffset: offset, line: line, column: column, expected: expected)
    }
}
