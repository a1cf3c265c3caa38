import SagaCore
import Testing

@Suite struct TerminalTextTests {
    @Test(
        "Bad input: control characters and escape sequences are shown escaped",
        arguments: [
            ("\u{1b}[31mred\u{1b}[0m", #"\u{1b}[31mred\u{1b}[0m"#),
            ("\u{1b}]0;title\u{7}", #"\u{1b}]0;title\u{7}"#),
            ("a\nb\tc\r\n", #"a\u{a}b\u{9}c\u{d}\u{a}"#),
            ("\u{0}\u{7f}\u{80}\u{9b}31m", #"\u{0}\u{7f}\u{80}\u{9b}31m"#),
            ("abc\u{202e}cba\u{202c}", #"abc\u{202e}cba\u{202c}"#),
            ("\u{2066}x\u{2069}\u{200e}\u{200f}\u{61c}", #"\u{2066}x\u{2069}\u{200e}\u{200f}\u{61c}"#),
            ("\u{feff}\u{200b}x", #"\u{feff}\u{200b}x"#),
            ("\u{2028}\u{2029}", #"\u{2028}\u{2029}"#),
            ("x\u{e0041}\u{e007f}", #"x\u{e0041}\u{e007f}"#),
        ])
    func escaped(text: String, expected: String) {
        #expect(text.escapedForTerminal == expected)
    }

    @Test(arguments: ["", "plain text, ~!@#$%^&*()_+ \\ \"", "Zürich ключ 注文 نص", "e\u{301}", "👩‍👩‍👧", "€ 440.00"])
    func untouched(_ text: String) {
        #expect(text.escapedForTerminal == text)
    }

    @Test func nothingThatSteersIsLeft() {
        let all = String(String.UnicodeScalarView((UInt32(0)...0x3000).compactMap(Unicode.Scalar.init)))
        let left = all.escapedForTerminal.unicodeScalars
        #expect(!left.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) })
        #expect(!left.contains { $0.properties.isBidiControl })
    }
}

@Suite struct NameTests {
    @Test(arguments: ["a", "place-order", "z9", "a-", "a--b", String(repeating: "a", count: 64)])
    func valid(_ name: String) {
        #expect(Name.isValid(name))
    }

    @Test(
        "Rule 24: names",
        arguments: [
            "", "A", "9a", "-a", "a_b", "a.b", "a b", "placeOrder", "é", "a\u{301}", "a\n", "a\u{0}", "a/b",
            String(repeating: "a", count: 65),
        ])
    func invalid(_ name: String) {
        #expect(!Name.isValid(name))
    }
}

@Suite struct CommandIDTests {
    private let saga = SagaID(rawValue: 0x0123_4567_89AB_CDEF)

    @Test(arguments: CommandID.Kind.allCases)
    func theTextIsReadBack(kind: CommandID.Kind) {
        for round in [1, 2, 10, 999_999_999] {
            let id = CommandID(saga: saga, step: "authorize-payment", kind: kind, round: round)
            #expect(id.description == "028T5CY4TQKFF/authorize-payment/\(kind.rawValue)/\(round)")
            #expect(CommandID(id.description) == id)
        }
    }

    @Test(
        "Bad input: a command id that is none",
        arguments: [
            "", "/", "///", "028T5CY4TQKFF", "028T5CY4TQKFF/pay", "028T5CY4TQKFF/pay/action",
            "028T5CY4TQKFF/pay/action/", "028T5CY4TQKFF/pay/action/1/", "028T5CY4TQKFF/pay/action/1/2",
            "/028T5CY4TQKFF/pay/action/1", "028T5CY4TQKFF//action/1", "028T5CY4TQKFF/pay//1",
            "028T5CY4TQKFF/pay/action/0", "028T5CY4TQKFF/pay/action/01", "028T5CY4TQKFF/pay/action/+1",
            "028T5CY4TQKFF/pay/action/-1", "028T5CY4TQKFF/pay/action/1 ", " 028T5CY4TQKFF/pay/action/1",
            "028T5CY4TQKFF/pay/action/1e0", "028T5CY4TQKFF/pay/action/٣", "028T5CY4TQKFF/pay/action/1000000000",
            "028T5CY4TQKFF/pay/action/9999999999999999999999", "028T5CY4TQKFF/pay/Action/1",
            "028T5CY4TQKFF/pay/actions/1", "028T5CY4TQKFF/pay/act/1", "028T5CY4TQKFF/Pay/action/1",
            "028T5CY4TQKFF/pay_it/action/1", "028t5cy4tqkff/pay/action/1", "O28T5CY4TQKFF/pay/action/1",
            "028T5CY4TQKF/pay/action/1", "G28T5CY4TQKFF/pay/action/1", "028T5CY4TQKFF/pay/action/1\n",
            "028T5CY4TQKFF/pay/action/1\u{0}", "028T5CY4TQKFF\\pay\\action\\1",
        ])
    func strict(_ text: String) {
        #expect(CommandID(text) == nil)
    }
}

@Suite struct RefusalTests {
    @Test func aRefusalReadsAsOneLine() {
        #expect(
            Refusal(code: .fieldMissing, path: "lines[2].sku", message: "expected a string").description
                == "FIELD_MISSING: lines[2].sku: expected a string")
        #expect(
            Refusal(code: .missingID, message: "expected a message id").description
                == "MISSING_ID: expected a message id")
    }

    @Test func aCodeIsItsText() {
        #expect(RefusalCode(rawValue: "INTERNAL") == .internal)
        #expect("\(RefusalCode.idempotencyConflict)" == "IDEMPOTENCY_CONFLICT")
    }

    @Test func outcomes() {
        #expect(Outcome.allCases.map(\.rawValue) == ["succeeded", "failed", "retry"])
    }
}
