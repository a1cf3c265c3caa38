import SagaCore
import Testing

@Suite struct JSONParserTests {
    private func error(_ text: String, limits: JSONLimits = .message) throws -> JSONError {
        try #require(throws: JSONError.self) { try JSONValue.parse(text, limits: limits) }
    }

    // MARK: Errors

    @Test func anErrorSaysWhere() throws {
        let error = try error("{\n  \"ключ\": [1, 2,\r\n  x]\n}")
        #expect(error.code == .jsonSyntax)
        #expect((error.line, error.column, error.byteOffset) == (3, 3, 26))
        #expect(error.expected == "a value")
        #expect(error.description == "JSON_SYNTAX: line 3, column 3 (byte 26): expected a value")
    }

    @Test func anErrorBecomesARefusal() throws {
        let refusal = try error("[1,]").refusal(at: "input")
        #expect(refusal.description == "JSON_SYNTAX: input: expected a value at line 1, column 4 (byte 3)")
    }

    @Test(
        "Bad input: an error never holds the payload",
        arguments: [
            #"{"card": "4242424242424242", "card": 4242424242424242}"#, "[4242e424242]", "[4242x", "[4242 4242]",
            "\"4242\u{1}\"", #""4242\q4242""#, "{4242}", "4242 4242",
        ])
    func noPayload(_ text: String) throws {
        #expect(!(try error(text).expected.contains("4242")))
    }

    // MARK: Keys

    @Test(
        "Bad input: duplicate keys, compared after unescaping",
        arguments: [
            #"{"a":1,"a":1}"#, #"{"a":1,"\u0061":2}"#, #"{"":1,"b":2,"":3}"#, #"{"é":1,"\u00e9":2}"#,
            #"{"x":{"a":1,"b":{},"a":[]}}"#, #"{"😀":1,"\ud83d\ude00":2}"#,
        ])
    func duplicateKeys(_ text: String) throws {
        #expect(try error(text).code == .jsonDuplicateKey)
    }

    @Test func aDuplicateKeyIsFoundInALargeObject() throws {
        let members = (0..<5000).map { "\"key-\($0)\":\($0)" }.joined(separator: ",")
        let value = try JSONValue.parse("{\(members)}")
        #expect(value.object?.count == 5000)
        #expect(value["key-4999"] == 4999)
        for key in ["key-0", "key-11", "key-12", "key-4999"] {
            let text = "{\(members),\"\(key)\":0}"
            let error = try error(text)
            #expect(error.code == .jsonDuplicateKey)
            #expect(error.byteOffset == members.utf8.count + 2)
        }
    }

    @Test func keysThatOnlyLookEqualAreTwo() throws {
        let value = try JSONValue.parse(#"{"\u00e9":1,"e\u0301":2}"#)
        #expect(value.object?.count == 2)
        #expect(value["\u{e9}"] == 1)
        #expect(value["e\u{301}"] == 2)
        #expect(JSONValue.string("\u{e9}") != .string("e\u{301}"))
    }

    @Test func membersKeepTheirOrder() throws {
        #expect(try JSONValue.parse(#"{"z":1,"a":2,"m":3}"#).object?.keys == ["z", "a", "m"])
    }

    // MARK: Limits

    @Test("Bad input: depth > 32")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(try JSONValue.parse(nested(32)).array != nil)
        let error = try error(nested(33))
        #expect(error.code == .jsonDepth)
        #expect(error.byteOffset == 32)
        let objects = String(repeating: #"{"a":"#, count: 33) + "1" + String(repeating: "}", count: 33)
        #expect(try self.error(objects).code == .jsonDepth)
        #expect(try JSONValue.parse(objects, limits: .stored)["a"] != nil)
    }

    @Test("Bad input: body > 256 KiB")
    func size() throws {
        let most = "\"" + String(repeating: "x", count: 256 * 1024 - 2) + "\""
        #expect(try JSONValue.parse(most).string?.utf8.count == 256 * 1024 - 2)
        #expect(try error(most + " ").code == .messageTooLarge)
        #expect(try error("[1, 2]", limits: JSONLimits(maxBytes: 5, maxDepth: 1)).code == .messageTooLarge)
    }

    // MARK: Numbers

    @Test(arguments: [
        "0", "-0", "7", "-1", "42", "999999999999999999", "1000000000000000000", "9223372036854775807",
        "-9223372036854775808", "9223372036854775808", "123456789012345678901234567890", "1.0", "1e0", "1E+2",
        "0.10", "-0.0", "1.7976931348623157e308", "5e-324", "1e-400", "0e308", "1e-999999999",
    ])
    func aNumberKeepsItsText(_ literal: String) throws {
        let value = try JSONValue.parse(literal)
        #expect(value.text == literal)
        #expect(try JSONValue.parse("[\(literal)]").text == "[\(literal)]")
        #expect(JSONNumber(literal: literal)?.literal == literal)
    }

    @Test func onlyAnIntegerLiteralInRangeIsAnInteger() throws {
        let cases: [(String, Int64?)] = [
            ("0", 0), ("-0", 0), ("-17", -17), ("9223372036854775807", .max), ("-9223372036854775808", .min),
            ("9223372036854775808", nil), ("-9223372036854775809", nil), ("1.0", nil), ("1e3", nil), ("0.5", nil),
            ("1000000000000000000", 1_000_000_000_000_000_000),
        ]
        for (literal, expected) in cases {
            #expect(try JSONValue.parse(literal).int64 == expected, "\(literal)")
        }
        #expect(try JSONValue.parse("9223372036854775807") == JSONValue.number(JSONNumber(.max)))
        #expect(JSONValue.string("1").int64 == nil)
    }

    @Test(
        "Bad input: numbers that are none, or beyond a Double",
        arguments: [
            "NaN", "-NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1.7976931348623159e308",
            "17976931348623159e293",
            "+1", ".5", "5.", "01", "-", "1e", "1e+", "1e-1000000000", "0e99999999999999999999",
        ])
    func badNumbers(_ literal: String) throws {
        #expect(try error(literal).code == .jsonNumber)
        #expect(try error("[\(literal)]").code == .jsonNumber)
        #expect(JSONNumber(literal: literal) == nil)
    }

    @Test func manyDigitsAreFineWhileADoubleReachesThem() throws {
        #expect(try JSONValue.parse("1" + String(repeating: "0", count: 308)).text.utf8.count == 309)
        #expect(try error("1" + String(repeating: "0", count: 309)).code == .jsonNumber)
        #expect(try JSONValue.parse(String(repeating: "9", count: 400) + "e-100").text.utf8.count == 405)
    }

    @Test func aNumberWithoutItsOwnTextIsNone() {
        for text in ["", " 1", "1 ", "\"1\"", "[1]", "1\n", "true"] { #expect(JSONNumber(literal: text) == nil) }
    }

    // MARK: Strings

    @Test func escapes() throws {
        let text = #""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00 plain""#
        #expect(try JSONValue.parse(text).string == "\"\\/\u{8}\u{c}\n\r\tA\u{e9}\u{20ac}\u{1f600} plain")
    }

    @Test func onlyWhatMustBeEscapedIs() {
        let value = JSONValue.string("\"\\/\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}é\u{2028}😀")
        #expect(value.text == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u{7f}é\u{2028}😀\"")
    }

    @Test("Bad input: U+0000 in a string, raw or escaped, is refused as no text")
    func noNUL() throws {
        for text in ["\"\u{0}\"", #""\u0000""#, #"{"a\u0000":1}"#, "[\"abc\u{0}\"]"] {
            #expect(try error(text).code == .jsonEncoding)
        }
    }
}
