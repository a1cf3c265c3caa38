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

    /// Whether there is any for this error.
    func exist(for error: StepError) -> Bool {
        // Rule 26: a worker that has died three times over one message sets it aside; here for no fault of its own.
        if error.code == RefusalCode.internal.rawValue, luck.count(of: .crashWorker) >= 3 { return true }
        if error.code == RefusalCode.outputMissing.rawValue { return luck.count(of: .incompleteReply) > 0 }
        if error.code == RefusalCode.replyContradicts.rawValue { return luck.count(of: .contradictReply) > 0 }
        return hasBadCards || isHasty && luck.total > 0
            || [.refuseForGood, .operatorRequest, .jumpClock, .contradictReply].contains { luck.count(of: $0) > 0 }
    }
}
