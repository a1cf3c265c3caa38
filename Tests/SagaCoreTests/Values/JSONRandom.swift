import SagaCore

extension JSONValue {
    /// A random document without U+0000, up to `depth` levels.
    static func random(using random: inout SplitMix64, depth: Int = 4) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .number(JSONNumber(integer(using: &random)))
        case 3: return decimal(using: &random)
        case 4: return .string(text(using: &random))
        case 5:
            let count = Int.random(in: 0..<6, using: &random)
            return .array((0..<count).map { _ in self.random(using: &random, depth: depth - 1) })
        default:
            let count = Int.random(in: 0..<20, using: &random)
            return .object(
                JSONObject(
                    (0..<count).map { _ in (text(using: &random), self.random(using: &random, depth: depth - 1)) }))
        }
    }

    /// The same document with members shuffled, numbers and strings written differently, and whitespace.
    func respelled(using random: inout SplitMix64) -> String {
        let space = ["", " ", "\n", "\t\r\n  "].randomElement(using: &random) ?? ""
        switch self {
        case .null, .bool: return space + text
        case .number(let number): return space + Self.respelled(number.literal, using: &random)
        case .string(let string): return space + Self.escaped(string, using: &random)
        case .array(let elements):
            return space + "[" + elements.map { $0.respelled(using: &random) }.joined(separator: ",") + space + "]"
        case .object(let object):
            let members = object.members.shuffled(using: &random).map {
                space + Self.escaped($0.key, using: &random) + space + ":" + $0.value.respelled(using: &random)
            }
            return "{" + members.joined(separator: space + ",") + space + "}" + space
        }
    }

    private static func respelled(_ literal: String, using random: inout SplitMix64) -> String {
        if literal.utf8.contains(UInt8(ascii: "e")) { return literal.replacingLast("e", with: "E") }
        let isWhole = !literal.utf8.contains(UInt8(ascii: "."))
        return switch Int.random(in: 0..<4, using: &random) {
        case 0: literal
        case 1: literal + (isWhole ? ".000" : "0")
        case 2: literal + "e0"
        default: isWhole && literal != "0" ? literal + "00E-2" : literal + "e+00"
        }
    }

    private static func escaped(_ text: String, using random: inout SplitMix64) -> String {
        var escaped = "\""
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 || scalar == "\"" || scalar == "\\" || Bool.random(using: &random) {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16, uppercase: Bool.random(using: &random))
                    escaped += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
                }
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped + "\""
    }

    private static func integer(using random: inout SplitMix64) -> Int64 {
        let edges: [Int64] = [0, 1, -1, 99, .max, .min, 999_999_999_999_999_999, 1_000_000_000_000_000_000]
        return Bool.random(using: &random)
            ? edges.randomElement(using: &random) ?? 0
            : Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0..<63, using: &random)
    }

    private static func decimal(using random: inout SplitMix64) -> JSONValue {
        let whole = String(integer(using: &random))
        let fraction = String(UInt64.random(in: 0...99_999, using: &random))
        let exponent = Int.random(in: -200...200, using: &random)
        let literal = [
            "\(whole).\(fraction)", "\(whole)e\(exponent)", "\(whole).\(fraction)e\(exponent)", "\(whole)\(fraction)",
        ].randomElement(using: &random)
        return literal.flatMap { JSONNumber(literal: $0) }.map { .number($0) } ?? .null
    }

    private static func text(using random: inout SplitMix64) -> String {
        let pool: [Unicode.Scalar] = [
            "a", "b", "\"", "\\", "/", "\n", "\u{1}", "\u{7f}", "é", "e", "\u{301}", "€", "\u{ffff}", "😀", "\u{10ffff}",
            " ",
        ]
        var text = ""
        for _ in 0..<Int.random(in: 0..<12, using: &random) {
            if let scalar = pool.randomElement(using: &random) { text.unicodeScalars.append(scalar) }
        }
        return text
    }
}

extension String {
    fileprivate func replacingLast(_ character: Character, with other: Character) -> String {
        guard let index = lastIndex(of: character) else { return self }
        return self[..<index] + String(other) + self[self.index(after: index)...]
    }
}
