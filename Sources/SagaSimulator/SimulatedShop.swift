import OrderServices
import SagaCore

/// What customers order in a simulation, and what the shelves hold.
struct SimulatedShop {
    let orders: [JSONValue]
    /// Lines for inventory to count in.
    let stock: String
    /// There is not enough of something.
    let isScarce: Bool

    private static let prices: [Int64] = [1000, 250, 4999]

    init(_ plan: Plan) {
        var random = SplitMix64(seed: plan.seed ^ 0x0bad_5eed)
        let scarce = Self.prices.map { _ in Int.random(in: 0..<4, using: &random) == 0 }
        isScarce = scarce.contains(true)
        stock = scarce.enumerated().map { sku, isScarce in
            #"{"sku":"\#(sku)","onHand":\#(isScarce ? plan.orders : plan.orders * 6)}"#
        }.joined(separator: "\n")
        orders = (0..<plan.orders).map { Self.order($0 + 1, using: &random) }
    }

    private static func order(_ number: Int, using random: inout SplitMix64) -> JSONValue {
        var lines: [JSONValue] = []
        var total: Int64 = 0
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            let sku = Int.random(in: Self.prices.indices, using: &random)
            let quantity = Int64.random(in: 1...3, using: &random)
            total += quantity * Self.prices[sku]
            lines.append([
                "sku": .string("\(sku)"), "quantity": .number(JSONNumber(quantity)),
                "unitPrice": .number(JSONNumber(Self.prices[sku])), "discount": 0,
            ])
        }
        let currency = ["EUR", "EUR", "USD", "JPY"][Int.random(in: 0..<4, using: &random)]
        let isPlain = Bool.random(using: &random)
        let card = TestCard.allCases[Int.random(in: TestCard.allCases.indices, using: &random)]
        return [
            "orderId": .string("\(number)"), "customerId": "C", "currency": .string(currency),
            "total": .number(JSONNumber(total)), "lines": .array(lines),
            "paymentMethod": ["type": "card", "token": .string((isPlain ? .visa : card).rawValue)],
        ]
    }
}
