import OrderServices
import SagaCore

/// Generated orders and stock: the same seed makes the same shop.
struct DemoOrders {
    private var random: SplitMix64
    private let prices: [Int64]

    private static let skus = 40

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        var prices: [Int64] = []
        for _ in 0..<Self.skus { prices.append(Int64.random(in: 5...250, using: &random) * 50) }
        self.prices = prices
    }

    /// Stock for most of `orders` orders: some shelves run empty.
    mutating func stock(for orders: Int) -> String {
        (1...Self.skus).map { sku in
            let isScarce = sku % 9 == 0
            let units = isScarce ? orders / 12 : orders
            return #"{"sku":"\#(sku)","onHand":\#(max(units, 1))}"#
        }.joined(separator: "\n")
    }

    mutating func order(_ number: Int) -> JSONValue {
        var lines: [JSONValue] = []
        var total: Int64 = 0
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let sku = Int.random(in: 1...Self.skus, using: &random)
            let quantity = Int64.random(in: 1...5, using: &random)
            let price = prices[sku - 1]
            let discount = Int.random(in: 0..<5, using: &random) == 0 ? price / 10 : 0
            total += quantity * price - discount
            lines.append([
                "sku": .string("\(sku)"), "quantity": .number(JSONNumber(quantity)),
                "unitPrice": .number(JSONNumber(price)), "discount": .number(JSONNumber(discount)),
            ])
        }
        return [
            "orderId": .string("\(10_000 + number)"),
            "customerId": .string("C\(Int.random(in: 100...199, using: &random))"), "currency": "EUR",
            "total": .number(JSONNumber(total)), "lines": .array(lines),
            "paymentMethod": ["type": "card", "token": .string(card().rawValue)],
        ]
    }

    /// Most cards pay; of a hundred, some are declined and some make the gateway time out first.
    private mutating func card() -> TestCard {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<7: .declined
        case 7..<10: .insufficientFunds
        case 10..<13: .timeoutBefore
        case 13..<16: .timeoutAfter
        case 16..<18: .captureTimeoutAfter
        case 18..<20: .captureDeclined
        default: .visa
        }
    }
}
