import OrderServices
import SagaCore

/// What may leave a saga stuck: a refusal of what may not be refused, an operator, a clock that runs out reservations,
/// a card whose money does not come back, or, where budgets are of seconds, any fault.
struct StuckCauses {
    private let luck: Luck
    private let isHasty: Bool
    private let hasBadCards: Bool

    init(_ world: World, _ plan: Plan, _ shop: SimulatedShop) {
        luck = world.luck
        isHasty = plan.isHasty
        hasBadCards = shop.orders.contains { order in
            let token = order["paymentMethod"]?["token"]?.string
            return token == TestCard.voidRefused.rawValue || token == TestCard.refundRefused.rawValue
        }
    }

    var exist: Bool {
        hasBadCards || isHasty && luck.total > 0
            || [.refuseForGood, .operatorRequest, .jumpClock].contains { luck.count(of: $0) > 0 }
    }
}
