import SagaCore
import Testing

@Suite struct JSONValueTests {
    // MARK: Properties over random documents

    @Test(arguments: 0..<300 as Range<UInt64>)
    func whatIsWrittenIsReadBack(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let value = JSONValue.random(using: &random)
        #expect(try JSONValue.parse(value.encoded) == value)
        #expect(try JSONValue.parse(value.prettyText) == value)
        #expect(try JSONValue.parse(value.text).hashValue == value.hashValue)
        #expect(try JSONValue.parse(value.canonical).canonical == value.canonical)
    }

    @Test(
        "What JSON does not allow as it is is escaped wherever it stands",
        arguments: ["\"", "\\", "\u{1}", "\u{1f}", "\n"])
    func escapes(character: String) throws {
        for length in 0...20 {
            for place in 0...length {
                // The neighbours are near what is looked for.
                let text =
                    String(repeating: "!", count: place) + character
                    + String(repeating: "\u{7f}é]", count: length - place)
                let encoded = JSONValue.string(text).encoded
                #expect(try JSONValue.parse(encoded) == .string(text))
                #expect(encoded.filter { $0 == UInt8(ascii: "\\") }.count == (character == "\\" ? 2 : 1))
            }
        }
    }

    @Test("Rule 22: canonical is the same for every spelling", arguments: 0..<300 as Range<UInt64>)
    func canonicalIgnoresSpelling(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let value = JSONValue.random(using: &random)
        let respelled = value.respelled(using: &random)
        #expect(try JSONValue.parse(respelled).canonical == value.canonical)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func damagedTextIsRefusedOrRead(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var bytes = JSONValue.random(using: &random).encoded
        for _ in 0..<20 {
            guard let index = bytes.indices.randomElement(using: &random) else { return }
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &random)
            case 1: bytes.remove(at: index)
            default: bytes.insert(Array("\"\\{}[]:,0e.-u\u{0}".utf8).randomElement(using: &random) ?? 0, at: index)
            }
            do {
                let encoded = try JSONValue.parse(bytes).encoded
                #expect((try? JSONValue.parse(encoded).encoded) == encoded)
            } catch {
                #expect((0...bytes.count).contains(error.byteOffset))
            }
        }
    }

    // MARK: Canonical form

    @Test("Rule 22: numbers are compared by exact value")
    func equalNumbers() throws {
        let groups = [
            ["1", "1.0", "1e0", "10e-1", "0.1E+1", "100e-2", "1.000"],
            ["0", "-0", "0.0", "0e5", "-0.000e-7", "0e308"],
            ["-1500", "-1.5e3", "-15E2", "-1500.00"],
            ["0.1", "1e-1", "0.10", "10e-2"],
            ["9223372036854775807", "9223372036854775807.0", "9.223372036854775807e18"],
            ["9223372036854775808", "9223372036854775808.0", "922337203685477580.8e1"],
            ["1e19", "10000000000000000000"],
            ["1e18", "1000000000000000000"],
            ["100000000000000000000", "1e20", "10e19"],
            ["0.1000000000000000055511151231257827", "1000000000000000055511151231257827e-34"],
            ["1e-999999999", "0.1e-999999998"],
        ]
        let canonical = try groups.map { try Set($0.map { try JSONValue.parse($0).canonical }) }
        for (group, forms) in zip(groups, canonical) { #expect(forms.count == 1, "\(group)") }
        #expect(Set(canonical).count == groups.count)
    }

    @Test func canonicalIsReadable() throws {
        let value = try JSONValue.parse(#"{"b":[1.50,{"z":null,"a":-0}],"a":"\u00e9","":2E3, "é":true,"z":1e30}"#)
        #expect(
            String(decoding: value.canonical, as: UTF8.self)
                == #"{"":2000,"a":"é","b":[15e-1,{"a":0,"z":null}],"z":1e30,"é":true}"#)
    }

    @Test func keysAreSortedByTheirBytes() throws {
        // By UTF-16 units, or by Swift's own order, these would come out differently.
        let value: JSONValue = ["\u{ff5e}": 1, "\u{1f600}": 2, "e\u{301}": 3, "\u{e9}": 4, "z": 5]
        #expect(
            try JSONValue.parse(value.canonical).object?.keys.map { Array($0.utf8) }
                == ["e\u{301}", "z", "\u{e9}", "\u{ff5e}", "\u{1f600}"].map { Array($0.utf8) })
    }

    @Test func differentDocumentsDiffer() throws {
        let texts = [
            "null", "false", "0", #""""#, "[]", "{}", #""0""#, "[0]", #"{"a":0}"#, #"{"a":null}"#, "[null]", "[[]]",
            #"["a","b"]"#, #"["b","a"]"#, "[0,0]",
        ]
        let values = try texts.map { try JSONValue.parse($0) }
        #expect(Set(values).count == texts.count)
        #expect(Set(values.map(\.canonical)).count == texts.count)
    }

    // MARK: Objects, literals, text

    @Test func literalsAndReading() {
        let value: JSONValue = ["s": "x", "n": 5, "t": true, "z": nil, "a": [1, "2"], "o": ["k": "v"]]
        #expect(value["s"]?.string == "x")
        #expect(value["n"]?.int64 == 5)
        #expect(value["t"]?.bool == true)
        #expect(value["z"]?.isNull == true)
        #expect(value["a"]?.array == [1, "2"])
        #expect(value["o"]?.object?["k"] == "v")
        #expect(value["missing"] == nil)
        #expect(value["s"]?["k"] == nil)
        #expect(value["s"]?.int64 == nil)
        #expect(value["n"]?.string == nil)
    }

    @Test func anObjectKeepsEachKeyOnce() {
        var object = JSONObject([("a", 1), ("b", 2), ("a", 3)])
        #expect(object.keys == ["a", "b"])
        #expect(object["a"] == 3)
        object["c"] = 4
        object["b"] = nil
        object["missing"] = nil
        object["a"] = 5
        #expect(object == ["a": 5, "c": 4])
        #expect(object != ["c": 4, "a": 5])
        #expect(object.count == 2)
        let large = JSONObject((0..<40).map { ("k\($0 % 20)", JSONValue.number(JSONNumber(Int64($0)))) })
        #expect(large.count == 20)
        #expect(large["k19"] == 39)
    }

    @Test func prettyTextIsForPeople() {
        let value: JSONValue = ["a": [], "b": [:], "c": [1, ["d": nil]]]
        #expect(
            value.prettyText == """
                {
                  "a": [],
                  "b": {},
                  "c": [
                    1,
                    {
                      "d": null
                    }
                  ]
                }
                """)
        #expect(value.text == #"{"a":[],"b":{},"c":[1,{"d":null}]}"#)
    }
}
