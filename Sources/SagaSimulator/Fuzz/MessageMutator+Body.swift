import SagaCore

extension MessageMutator {
    mutating func mutateBody(_ body: inout [UInt8]) -> String {
        if chance(2), let json = try? JSONValue.parse(body) { return mutateTree(json, into: &body) }
        return mutateBytes(&body)
    }

    // MARK: As bytes

    private mutating func mutateBytes(_ body: inout [UInt8]) -> String {
        let place = body.isEmpty ? 0 : index(body.count)
        switch index(17) {
        case 0, 1, 2:
            guard !body.isEmpty else { break }
            body[place] ^= 1 << UInt8(index(8))
            return "one bit"
        case 3:
            guard !body.isEmpty else { break }
            body[place] = byte()
            return "one byte"
        case 4:
            body.removeSubrange(place...)
            return "cut off"
        case 5:
            body.removeSubrange(place..<min(body.count, place + 1 + index(20)))
            return "bytes left out"
        case 6:
            body.insert(contentsOf: body[place..<min(body.count, place + 1 + index(20))], at: place)
            return "bytes twice"
        case 7:
            body.insert(contentsOf: (0...index(6)).map { _ in byte() }, at: place)
            return "bytes put in"
        case 8:
            body.insert(contentsOf: pick(Self.illFormed), at: place)
            return "ill-formed UTF-8"
        case 9:
            body.insert(0, at: place)
            return "a NUL"
        case 10:
            body = [0xEF, 0xBB, 0xBF] + body
            return "a byte order mark"
        case 11:
            body = chance(2) ? [0xFF, 0xFE] + body.flatMap { [$0, 0] } : body.flatMap { [0, $0] }
            return "UTF-16"
        case 12:
            body = chance(2) ? [] : Array(repeating: 0x20, count: index(3))
            return "nothing"
        case 13:
            body += Array(pick(["x", "{}", ",", "\0", "}", " \n\t ", "//"]).utf8)
            return "something behind"
        case 14:
            let depth = pick([1, 29, 30, 31, 32, 33, 100, 20_000])
            let (open, close) = chance(2) ? ("[", "]") : (#"{"a":"#, "}")
            body =
                Array(String(repeating: open, count: depth).utf8) + body
                + Array(String(repeating: close, count: depth).utf8)
            return "\(depth) levels around"
        case 15:
            let size = pick([262_143, 262_144, 262_145, 300_000, 530_000])
            body += Array(repeating: 0x20, count: max(0, size - body.count))
            return "\(size) bytes"
        default:
            body = (0..<index(60)).map { _ in byte() }
            return "other bytes"
        }
        body = [byte()]
        return "a byte"
    }

    private static let illFormed: [[UInt8]] = [
        [0xFF], [0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0xF8, 0x88],
    ]

    // MARK: As JSON

    private mutating func mutateTree(_ json: JSONValue, into body: inout [UInt8]) -> String {
        var place = index(json.nodeCount)
        let change = index(12)
        var what = ""
        var raw = Raw()
        let changed = json.editing(&place) { value in
            switch (change, value) {
            case (0, .object(let object)) where !object.isEmpty, (1, .object(let object)) where !object.isEmpty:
                what = "a member left out"
                var object = object
                object[object.keys[index(object.count)]] = nil
                return .object(object)
            case (2, .object(let object)) where !object.isEmpty:
                what = "a member twice"
                let (key, value) = object.members[index(object.count)]
                return .object(JSONObject(object.members.map { ($0.key, $0.value) } + [(raw.key(key), value)]))
            case (3, .object(let object)):
                what = "a member more"
                return .object(
                    JSONObject(object.members.map { ($0.key, $0.value) } + [(pick(Self.names), pick(Self.values))]))
            case (4, .object(let object)) where !object.isEmpty:
                what = "a member renamed"
                let at = index(object.count)
                return .object(
                    JSONObject(
                        object.members.enumerated().map { ($0 == at ? misspelled($1.key) : $1.key, $1.value) }))
            case (5, .array(let array)) where !array.isEmpty:
                what = "elements repeated"
                return .array(Array(repeating: array, count: pick([2, 40, 1100])).flatMap { $0 })
            case (6, .string(let text)), (7, .string(let text)):
                what = "a text misspelled"
                return .string(misspelled(text))
            case (8, _), (9, _):
                let text = pick(Self.raws)
                what = "\(String(text.prefix(24)).escapedForTerminal) for a value"
                return raw.value(text)
            default:
                what = "another value"
                return pick(Self.values)
            }
        }
        body = raw.write(changed)
        return what
    }

    private static let names = [
        "", "saga", "step", "output", "amount", "orderId", "a\u{0301}", "\u{0}", "__proto__", "as",
    ]

    private static let values: [JSONValue] = [
        nil, true, false, 0, 1, -1, 2, 7, 9_223_372_036_854_775_807, -9_223_372_036_854_775_808, "", " ", "0", "x",
        "\u{1b}[2J\u{7}", "\u{202e}gnp.exe", [], [:], [[]], [nil], ["a": 1], "${input.orderId}", "…",
        .string(String(repeating: "y", count: 300)), .string(String(repeating: "z", count: 5000)),
        .string(String(repeating: "\u{e9}", count: 12_000)), .string("\(FuzzCast.victim(0))"),
        .string("\(FuzzCast.nobody(7))"), .string("\(FuzzCast.victim(3))/reserve-stock/action/1"), "skald.fence",
        .string(FuzzCast.secret),
    ]

    /// Values that are no JSON, or not the JSON Skald takes.
    private static let raws: [String] = [
        "NaN", "Infinity", "1e400", "-1e400", "1.0", "1.5", "0.1", "1e3", "01", "+1", ".5", "1.", "-", "-0", "0x10",
        "9223372036854775808", "-9223372036854775809", String(repeating: "9", count: 400), #""\u0000""#,
        #""\ud800""#, #""\udc00\ud800""#, #""\ud83d\ude00""#, #""\x""#, #""\u12""#, #""open"#, "\"a\nb\"", "'a'",
        "nul", "True", "[1,]", "[,]", #"{"a":1,}"#, #"{"a"}"#, "{a:1}", "/* */1", "1 2", "\u{a0}1", "undefined",
        String(repeating: "[", count: 33) + String(repeating: "]", count: 33), String(repeating: "[", count: 5000),
    ]

    /// What `JSONValue` cannot hold, written into the text afterwards.
    private struct Raw {
        private var texts: [(mark: String, text: String)] = []

        mutating func value(_ text: String) -> JSONValue { .string(mark(for: text)) }
        mutating func key(_ key: String) -> String { mark(for: JSONValue.string(key).text) }

        private mutating func mark(for text: String) -> String {
            let mark = "\u{E000}\(texts.count)\u{E000}"
            texts.append((mark, text))
            return mark
        }

        func write(_ json: JSONValue) -> [UInt8] {
            var bytes = json.encoded
            for (mark, text) in texts {
                let quoted = Array("\"\(mark)\"".utf8)
                guard
                    let place = bytes.indices.first(where: {
                        bytes[$0] == quoted[0] && bytes[$0...].starts(with: quoted)
                    })
                else { continue }
                bytes.replaceSubrange(place..<place + quoted.count, with: Array(text.utf8))
            }
            return bytes
        }
    }
}

extension JSONValue {
    fileprivate var nodeCount: Int {
        switch self {
        case .null, .bool, .number, .string: 1
        case .array(let elements): elements.reduce(1) { $0 + $1.nodeCount }
        case .object(let object): object.members.reduce(1) { $0 + $1.value.nodeCount }
        }
    }

    /// The same document with the node at `place`, counted from the outside, replaced.
    fileprivate func editing(_ place: inout Int, _ edit: (JSONValue) -> JSONValue) -> JSONValue {
        place -= 1
        guard place >= 0 else { return place == -1 ? edit(self) : self }
        switch self {
        case .null, .bool, .number, .string: return self
        case .array(let elements): return .array(elements.map { $0.editing(&place, edit) })
        case .object(let object):
            return .object(JSONObject(object.members.map { ($0.key, $0.value.editing(&place, edit)) }))
        }
    }
}
