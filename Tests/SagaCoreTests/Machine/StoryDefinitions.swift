import Testing

@testable import SagaCore

/// The definitions the stories are told about; pauses are not jittered so that times can be written down.
enum StoryDefinitions {
    /// One step after the other, each with its reference to the one before.
    static let sequential = definition(
        """
        {"saga": "small-order", "version": 1, "key": "${input.orderId}", "deadline": "15m",
         "events": {"started": "CREATED", "completed": "CONFIRMED", "compensated": "CANCELLED"},
         "steps": [
          {"name": "reserve-stock", "participant": "inventory", "action": "inventory.reserve",
           "compensation": "inventory.release", "with": {"orderId": "${input.orderId}"},
           "retry": {"attempts": 2, "jitter": "none"}},
          {"name": "authorize", "participant": "payment", "action": "payment.authorize",
           "compensation": "payment.void", "with": {"reservation": "${steps.reserve-stock.reservation}"},
           "retry": {"attempts": 2, "jitter": "none"}},
          {"name": "capture", "kind": "pivot", "participant": "payment", "action": "payment.capture",
           "with": {"authorization": "${steps.authorize.authorization}"},
           "retry": {"for": "1h", "jitter": "none"}},
          {"name": "settle", "kind": "retriable", "participant": "ledger", "action": "ledger.settle",
           "with": {"capture": "${steps.capture.capture}"}, "retry": {"for": "1h", "jitter": "none"}},
          {"name": "notify", "kind": "retriable", "participant": "mail", "action": "mail.send",
           "with": {"receipt": "${steps.settle.receipt}"}, "retry": {"for": "1h", "jitter": "none"}}
         ]}
        """)

    /// As `place-order`: two steps side by side before the pivot.
    static let placeOrder = definition(
        """
        {"saga": "place-order", "version": 1, "key": "${input.orderId}", "deadline": "15m",
         "events": {"started": "ORDER_CREATED", "completed": "ORDER_CONFIRMED", "compensated": "ORDER_CANCELLED"},
         "steps": [
          {"name": "reserve-stock", "participant": "inventory", "action": "inventory.reserve",
           "compensation": "inventory.release", "with": {"orderId": "${input.orderId}"}, "timeout": "5s"},
          {"name": "authorize-payment", "participant": "payment", "action": "payment.authorize",
           "compensation": "payment.void", "with": {"orderId": "${input.orderId}"}},
          {"name": "record-order", "after": ["authorize-payment"], "participant": "ledger", "action": "ledger.record",
           "compensation": "ledger.reverse", "with": {"orderId": "${input.orderId}"}},
          {"name": "commit-stock", "after": ["authorize-payment"], "participant": "inventory",
           "action": "inventory.commit", "compensation": "inventory.uncommit",
           "with": {"reservation": "${steps.reserve-stock.reservation}"}},
          {"name": "capture-payment", "kind": "pivot", "after": ["record-order", "commit-stock"],
           "participant": "payment", "action": "payment.capture",
           "with": {"authorization": "${steps.authorize-payment.authorization}"}},
          {"name": "settle-order", "kind": "retriable", "participant": "ledger", "action": "ledger.settle",
           "with": {"entry": "${steps.record-order.entry}", "capture": "${steps.capture-payment.capture}"}}
         ]}
        """)

    /// No pivot: the first retriable step is the point of no return. The step `quote` may stay as it is.
    static let withoutPivot = definition(
        """
        {"saga": "trip", "version": 1, "key": "${input.orderId}", "deadline": "10m", "steps": [
          {"name": "quote", "participant": "agency", "action": "agency.quote", "compensation": "none", "after": []},
          {"name": "room", "participant": "hotel", "action": "hotel.book", "compensation": "hotel.cancel", "after": []},
          {"name": "car", "participant": "garage", "action": "garage.book", "compensation": "garage.cancel",
           "after": []},
          {"name": "tell", "kind": "retriable", "participant": "mail", "action": "mail.send",
           "after": ["quote", "room", "car"], "retry": {"for": "1h"}}
         ]}
        """)

    /// Nothing can be undone: past the point of no return from the first command on.
    static let onlyRetriable = definition(
        """
        {"saga": "fulfil", "version": 1, "key": "${input.orderId}", "deadline": "1m", "steps": [
          {"name": "pick", "kind": "retriable", "participant": "store", "action": "store.pick", "after": [],
           "retry": {"for": "10m"}},
          {"name": "print", "kind": "retriable", "participant": "desk", "action": "desk.print", "after": [],
           "retry": {"for": "10m"}},
          {"name": "ship", "kind": "retriable", "participant": "store", "action": "store.ship",
           "after": ["pick", "print"], "with": {"label": "${steps.print.label}"}, "retry": {"for": "10m"}}
         ]}
        """)

    /// Everything can be undone, so that it can be cancelled until the last reply.
    static let undoable = definition(
        """
        {"saga": "hold", "version": 1, "key": "${input.orderId}", "deadline": "10m", "steps": [
          {"name": "room", "participant": "hotel", "action": "hotel.book", "compensation": "hotel.cancel"},
          {"name": "car", "participant": "garage", "action": "garage.book", "compensation": "garage.cancel"}
         ]}
        """)

    static let all = [sequential, placeOrder, withoutPivot, onlyRetriable, undoable]

    static let input: JSONValue = ["orderId": "order-1"]

    /// An output in which every step's reference can be found.
    static let output: JSONValue = [
        "reservation": "r1", "authorization": "a1", "entry": "e1", "capture": "c1", "receipt": "n1", "label": "l1",
    ]

    private static func definition(_ text: String) -> SagaDefinition {
        do {
            let (definition, problems) = DefinitionReader.read(try JSONValue.parse(text))
            guard let definition else { preconditionFailure("\(problems)") }
            return definition
        } catch {
            preconditionFailure("\(error)")
        }
    }
}

extension SagaDefinition: CustomTestStringConvertible {
    /// In the names of tests.
    public var testDescription: String { name }
}
