import SagaCore
import Testing

@Suite struct CurrencyTests {
    @Test(arguments: [
        ("EUR", 2), ("USD", 2), ("GBP", 2), ("JPY", 0), ("KRW", 0), ("ISK", 0), ("BHD", 3), ("TND", 3), ("CLF", 4),
        ("UYW", 4), ("ZWG", 2), ("XCG", 2), ("SLE", 2), ("VED", 2), ("XOF", 0),
    ])
    func known(code: String, digits: Int) {
        #expect(Currency(code: code)?.minorUnitDigits == digits)
        #expect(Currency(code: code)?.code == code)
    }

    @Test(
        "Bad input: unknown currency",
        arguments: ["", "eur", "EURO", "EU", "DEM", "HRK", "ZWL", "XXX", "XTS", "XAU", "E R", "EUR ", "EUR\u{0}"])
    func unknown(code: String) {
        #expect(Currency(code: code) == nil)
    }
}

@Suite struct MoneyTests {
    private func money(_ minorUnits: Int64, _ code: String = "EUR") throws -> Money {
        Money(minorUnits: minorUnits, currency: try #require(Currency(code: code)))
    }

    private func code(_ operation: () throws -> Money) throws -> RefusalCode {
        try #require(throws: Refusal.self) { try operation() }.code
    }

    @Test func arithmetic() throws {
        #expect(try money(150).adding(money(-50)) == money(100))
        #expect(try money(150).subtracting(money(200)) == money(-50))
        #expect(try money(-7).multiplied(by: 3) == money(-21))
        #expect(try money(.max - 1).adding(money(1)).minorUnits == .max)
        #expect(try money(.min + 1).subtracting(money(1)).minorUnits == .min)
    }

    @Test("Bad input: total overflows")
    func overflow() throws {
        #expect(try code { try money(.max).adding(money(1)) } == .moneyOverflow)
        #expect(try code { try money(.min).adding(money(-1)) } == .moneyOverflow)
        #expect(try code { try money(.min).subtracting(money(1)) } == .moneyOverflow)
        #expect(try code { try money(0).subtracting(money(.min)) } == .moneyOverflow)
        #expect(try code { try money(.max / 2 + 1).multiplied(by: 2) } == .moneyOverflow)
        #expect(try code { try money(.min).multiplied(by: -1) } == .moneyOverflow)
    }

    @Test func currenciesDoNotMix() throws {
        #expect(try code { try money(1).adding(money(1, "USD")) } == .moneyMismatch)
        #expect(try code { try money(1).subtracting(money(1, "USD")) } == .moneyMismatch)
        #expect(try money(1) != money(1, "USD"))
        let refusal = try #require(throws: Refusal.self) { try money(1).adding(money(1, "USD"), at: "lines[1]") }
        #expect(refusal.path == "lines[1]")
    }

    @Test(
        arguments: [
            (44_000, "EUR", "440.00 EUR"), (5, "EUR", "0.05 EUR"), (-5, "EUR", "-0.05 EUR"), (0, "EUR", "0.00 EUR"),
            (-12_345, "EUR", "-123.45 EUR"), (1500, "JPY", "1500 JPY"), (-3, "JPY", "-3 JPY"), (1, "BHD", "0.001 BHD"),
            (123_456, "CLF", "12.3456 CLF"), (.max, "EUR", "92233720368547758.07 EUR"),
            (.min, "EUR", "-92233720368547758.08 EUR"),
        ] as [(Int64, String, String)])
    func formatted(minorUnits: Int64, code: String, expected: String) throws {
        #expect(try money(minorUnits, code).formatted == expected)
    }

    // MARK: Amounts in messages

    @Test func amounts() throws {
        #expect(try Money.amount(1, at: "total") == 1)
        #expect(try Money.amount(JSONValue.parse("9223372036854775807"), at: "total") == .max)
    }

    @Test(
        "Bad input: amounts",
        arguments: [
            ("0.1", .moneyFormat), ("1.0", .moneyFormat), ("1e3", .moneyFormat), ("1E0", .moneyFormat),
            ("-0.5", .moneyFormat), (#""100""#, .moneyFormat), ("null", .moneyFormat), ("true", .moneyFormat),
            ("[100]", .moneyFormat), (#"{"minorUnits":1}"#, .moneyFormat), ("0", .moneyRange), ("-0", .moneyRange),
            ("-1", .moneyRange), ("9223372036854775808", .moneyRange), ("-9223372036854775809", .moneyRange),
            ("123456789012345678901234567890", .moneyRange),
        ] as [(String, RefusalCode)])
    func badAmounts(text: String, code: RefusalCode) throws {
        let value = try JSONValue.parse(text)
        let refusal = try #require(throws: Refusal.self) { try Money.amount(value, at: "lines[2].price") }
        #expect(refusal.code == code)
        #expect(refusal.path == "lines[2].price")
        #expect(refusal.description.hasPrefix("\(code): lines[2].price: expected "))
    }

    @Test("Bad input: a missing amount")
    func missingAmount() throws {
        let refusal = try #require(throws: Refusal.self) { try Money.amount(nil, at: "total") }
        #expect(refusal.code == .moneyFormat)
    }
}
