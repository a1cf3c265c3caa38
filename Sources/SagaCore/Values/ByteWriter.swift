/// Text in UTF-8 while it is written: grows as an array does, without an array's checks for each byte.
package struct ByteWriter: ~Copyable {
    private var start: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var count = 0

    package init(capacity: Int = 512) {
        start = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    deinit { start.deallocate() }

    /// What has been written.
    package var bytes: [UInt8] { Array(UnsafeBufferPointer(start: start, count: count)) }
    package var text: String { String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self) }

    /// The byte written last.
    var last: UInt8? { count > 0 ? start[count - 1] : nil }

    package mutating func append(_ byte: UInt8) {
        reserve(1)
        start[count] = byte
        count += 1
    }

    package mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        (start + count).update(from: source, count: bytes.count)
        count += bytes.count
    }

    package mutating func append(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func append(text: String) {
        var text = text
        text.withUTF8 { append($0) }
    }

    /// In decimal digits, at least so many.
    package mutating func append(number: Int64, digits least: Int = 1) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let first = count
        repeat {
            append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0 || count - first < least
        var digits = UnsafeMutableBufferPointer(start: start + first, count: count - first)
        digits.reverse()
    }

    /// A text in quotes, escaping only what JSON does not allow as it is.
    package mutating func append(quoted text: String) {
        var text = text
        text.withUTF8 { bytes in
            reserve(bytes.count + 2)
            append(UInt8(ascii: "\""))
            var rest = bytes
            while true {
                let plain = rest.plainPrefix
                append(UnsafeBufferPointer(rebasing: rest[..<plain]))
                guard plain < rest.count else { break }
                append(escapeFor: rest[plain])
                rest = UnsafeBufferPointer(rebasing: rest[(plain + 1)...])
            }
            append(UInt8(ascii: "\""))
        }
    }

    private mutating func append(escapeFor byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        case 0x08: append(UInt8(ascii: "b"))
        case 0x0C: append(UInt8(ascii: "f"))
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0D: append(UInt8(ascii: "r"))
        case 0x09: append(UInt8(ascii: "t"))
        default:
            append("u00")
            append(hex: byte)
        }
    }

    /// As two lower-case hexadecimal digits.
    package mutating func append(hex byte: UInt8) {
        let digits = StaticString("0123456789abcdef").utf8Start
        append(digits[Int(byte >> 4)])
        append(digits[Int(byte & 15)])
    }

    private mutating func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        capacity = max(2 * capacity, count + more)
        let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        grown.update(from: start, count: count)
        start.deallocate()
        start = grown
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// How many bytes come before the first that JSON does not allow in a text as it is: a control character, a quote,
    /// a backslash.
    ///
    /// Eight bytes at a time, by the tests for a zero byte and for a byte less than n in Anderson's
    /// "Bit Twiddling Hacks": neither finds one where none is, and what they say of those after the first is not asked.
    fileprivate var plainPrefix: Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let start = UnsafeRawPointer(baseAddress)
        var index = 0
        while let start, index + 8 <= count {
            let word = start.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5C)
            let found =
                ((word &- ones &* 0x20) & ~word) | ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)
            if found & tops != 0 { break }
            index += 8
        }
        while index < count {
            let byte = self[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
            index += 1
        }
        return index
    }
}
