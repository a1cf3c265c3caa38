import SagaCore
import Testing

@Suite struct JSONConformanceTests {
    @Test("Bad input: JSONTestSuite", arguments: JSONSuiteCase.all)
    func suite(_ example: JSONSuiteCase) throws {
        if let code = example.refusal {
            let error = try #require(throws: JSONError.self) { try JSONValue.parse(example.bytes) }
            #expect(error.code == code)
            #expect(error.byteOffset <= example.bytes.count)
        } else {
            let value = try JSONValue.parse(example.bytes)
            #expect(try JSONValue.parse(value.encoded) == value)
            #expect(try JSONValue.parse(value.prettyText) == value)
        }
    }

    @Test func theTableIsWhole() {
        let counts = Dictionary(grouping: JSONSuiteCase.all) { $0.name.prefix(2) }.mapValues(\.count)
        #expect(counts == ["y_": 95, "n_": 188, "i_": 35])
        #expect(Set(JSONSuiteCase.all.map(\.name)).count == 318)
    }

    @Test func onlyOurOwnRulesRefuseWhatTheSuiteAccepts() {
        let stricter = JSONSuiteCase.all.filter { $0.name.hasPrefix("y_") && $0.refusal != nil }
        #expect(
            Set(stricter.map(\.name)) == [
                "y_object_duplicated_key", "y_object_duplicated_key_and_value", "y_object_escaped_null_in_key",
                "y_string_null_escape",
            ])
        #expect(!JSONSuiteCase.all.contains { $0.name.hasPrefix("n_") && $0.refusal == nil })
    }

    /// Unicode, table 3-7: overlong forms, surrogates, what is beyond U+10FFFF, cut and misplaced continuations.
    @Test(
        "Bad input: ill-formed UTF-8",
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x00], [0xC2, 0x7F], [0xC2, 0xC0], [0xDF],
            [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xE1, 0x80], [0xE6, 0x80, 0xC0], [0xE8, 0x00, 0x80],
            [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF1, 0x80, 0x80], [0xF1, 0x80, 0xC0, 0x80], [0xF2, 0x80, 0x80, 0x00], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xF8, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        ] as [[UInt8]])
    func illFormedUTF8(_ sequence: [UInt8]) throws {
        let quote = UInt8(ascii: "\"")
        for bytes in [[quote] + sequence + [quote], [quote] + sequence, sequence] {
            let error = try #require(throws: JSONError.self) { try JSONValue.parse(bytes) }
            #expect(error.code == .jsonEncoding)
        }
    }

    @Test func everyScalarPassesAsItIs() throws {
        for first in stride(from: UInt32(0x20), through: 0x10FFFF, by: 0x3F) {
            guard let scalar = Unicode.Scalar(first), scalar != "\"", scalar != "\\" else { continue }
            let text = String(Character(scalar))
            #expect(try JSONValue.parse("\"\(text)\"").string.map { Array($0.utf8) } == Array(text.utf8))
        }
    }
}
