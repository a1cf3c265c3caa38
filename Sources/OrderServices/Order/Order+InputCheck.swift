import SagaCore

extension Order {
    /// What is wrong with the input of a saga that hands an order to these services; nil for right ones and for other
    /// sagas. The services see only their parts of an order: that its lines add up is checked here, at the door.
    package static func check(_ definition: SagaDefinition, _ input: JSONValue) -> Refusal? {
        let actions = Set(definition.steps.map(\.action))
        guard actions.isSuperset(of: ["inventory.reserve", "payment.authorize", "ledger.record"]) else { return nil }
        do throws(Refusal) {
            _ = try Order(input)
            return nil
        } catch {
            return error
        }
    }
}
