import SagaCore
import Testing

@testable import OrderServices

@Suite("Bad input: an order")
struct OrderTests {
    static let good = """
        {"orderId": "4711", "customerId": "c-1", "currency": "EUR", "total": 44000,
         "lines": [{"sku": "11", "quantity": 2, "unitPrice": 20000},
                   {"sku": "12", "quantity": 3, "unitPrice": 2000, "discount": 2000}],
         "paymentMethod": {"type": "card", "token": "tok_visa"}}
        """

    @Test("an order that adds up is read")
    func reads() throws {
        let order = try Order(JSONValue.parse(Self.good))
        #expect(order.total.formatted == "440.00 EUR")
        #expect(order.lines.map(\.total.minorUnits) == [40000, 4000])
        #expect(order.paymentMethod.token == "tok_visa")
    }

    @Test("a line may be given away by its discount")
    func free() throws {
        let text = Self.good
            .replacing("\"discount\": 2000", with: "\"discount\": 6000").replacing("44000", with: "40000")
        #expect(try Order(JSONValue.parse(text)).lines[1].total.minorUnits == 0)
    }

    @Test("An order comes to less than 2^53, so that the books can add up; the ledger refuses more before the pivot")
    func largestTotal() throws {
        func order(_ total: Int64) throws -> Order {
            try Order(
                JSONValue.parse(
                    """
                    {"orderId":"1","customerId":"C","currency":"EUR","total":\(total),"lines":[{"sku":"1","quantity":1,\
                    "unitPrice":\(total),"discount":0}],"paymentMethod":{"type":"card","token":"tok_visa"}}
                    """))
        }
        #expect(try order(9_007_199_254_740_991).total.minorUnits == 9_007_199_254_740_991)
        let refusal = #expect(throws: Refusal.self) { try order(9_007_199_254_740_992) }
        #expect(refusal?.code == .moneyRange && refusal?.path == "total")
        let command = #expect(throws: Refusal.self) { try Fields.money(["amount": 9_007_199_254_740_992]) }
        #expect(command?.code == .moneyRange && command?.path == "amount")
    }

    @Test(
        "what is refused, with code and path",
        arguments: [
            (#""total": 44000"#, #""total": 44000.0"#, "MONEY_FORMAT", "total"),
            (#""total": 44000"#, #""total": 4.4e4"#, "MONEY_FORMAT", "total"),
            (#""total": 44000"#, #""total": "44000""#, "MONEY_FORMAT", "total"),
            (#""total": 44000"#, #""total": 0"#, "MONEY_RANGE", "total"),
            (#""total": 44000"#, #""total": -44000"#, "MONEY_RANGE", "total"),
            (#""total": 44000"#, #""total": 9223372036854775808"#, "MONEY_RANGE", "total"),
            (#""total": 44000"#, #""total": 44001"#, "MONEY_MISMATCH", "total"),
            (#""unitPrice": 20000"#, #""unitPrice": 0.1"#, "MONEY_FORMAT", "lines[0].unitPrice"),
            (#""unitPrice": 20000"#, #""unitPrice": 9223372036854775807"#, "MONEY_OVERFLOW", "lines[0]"),
            (#""discount": 2000"#, #""discount": 6001"#, "MONEY_RANGE", "lines[1].discount"),
            (#""discount": 2000"#, #""discount": -1"#, "MONEY_RANGE", "lines[1].discount"),
            (#""quantity": 2"#, #""quantity": 0"#, "FIELD_VALUE", "lines[0].quantity"),
            (#""quantity": 2"#, #""quantity": -2"#, "FIELD_VALUE", "lines[0].quantity"),
            (#""quantity": 2"#, #""quantity": 2.0"#, "FIELD_TYPE", "lines[0].quantity"),
            (#""quantity": 2"#, #""quantity": 1000000001"#, "FIELD_VALUE", "lines[0].quantity"),
            (#""EUR""#, #""EURO""#, "CURRENCY_UNKNOWN", "currency"),
            (#""EUR""#, #""eur""#, "CURRENCY_UNKNOWN", "currency"),
            (#""orderId": "4711", "#, "", "FIELD_MISSING", "orderId"),
            (#""4711""#, #""""#, "FIELD_VALUE", "orderId"),
            (#""4711""#, #""47\u001b11""#, "FIELD_VALUE", "orderId"),
            (#""sku": "12""#, #""sku": true"#, "FIELD_TYPE", "lines[1].sku"),
            (#", "token": "tok_visa""#, "", "FIELD_MISSING", "paymentMethod.token"),
        ])
    func refused(old: String, new: String, code: String, path: String) throws {
        let text = Self.good.replacing(old, with: new, maxReplacements: 1)
        #expect(text != Self.good)
        let json = try JSONValue.parse(text)
        let refusal = #expect(throws: Refusal.self) { try Order(json) }
        #expect(refusal?.code.rawValue == code)
        #expect(refusal?.path == path)
    }

    @Test("the sum of the lines overflows")
    func overflow() throws {
        let line: JSONValue = ["sku": "1", "quantity": 1, "unitPrice": .number(JSONNumber(Int64.max))]
        let order: JSONValue = [
            "orderId": "1", "customerId": "1", "currency": "EUR", "total": 1, "lines": [line, line],
            "paymentMethod": ["type": "card", "token": "t"],
        ]
        let refusal = #expect(throws: Refusal.self) { try Order(order) }
        #expect(refusal?.code == .moneyOverflow)
    }

    @Test("no lines, or none at all", arguments: ["[]", "{}", "null"])
    func noLines(lines: String) throws {
        let text = #"{"orderId": 1, "customerId": 1, "currency": "EUR", "total": 1, "lines": \#(lines)}"#
        let refusal = #expect(throws: Refusal.self) { try Order(JSONValue.parse(text)) }
        #expect(refusal?.path == "lines")
    }
}
