import SagaCore

/// A card processor, as the payment service needs one.
///
/// The same key must mean the same request: repeated, it gets the first one's answer and has no second effect.
package protocol PaymentGateway: Sendable {
    /// Blocks until the processor answers or has taken too long.
    func perform(_ request: GatewayRequest, key: String) -> GatewayAnswer
}

package enum GatewayRequest: Sendable, Hashable {
    /// Sets the amount aside on the customer's card.
    case authorize(orderID: String, Money, token: String)
    /// Takes what was set aside.
    case capture(authorization: String, Money)
    /// Gives back what was set aside and not taken.
    case void(authorization: String)
    /// Gives back what was taken, or part of it.
    case refund(capture: String, Money)
}

package enum GatewayAnswer: Sendable, Hashable {
    /// Done. `isExpired`: a void found that the authorization had expired by itself.
    case approved(id: String, isExpired: Bool = false)
    /// Not done, and this request never will be.
    case refused(code: String, message: String)
    /// It may or may not have been done.
    case unanswered(String)
}

// MARK: - As JSON, which is how they are kept

extension GatewayRequest {
    var json: JSONObject {
        switch self {
        case .authorize(let orderID, let amount, let token):
            [
                "authorize": .string(orderID), "amount": amount.json, "currency": amount.currencyJSON,
                "token": .string(token),
            ]
        case .capture(let authorization, let amount):
            ["capture": .string(authorization), "amount": amount.json, "currency": amount.currencyJSON]
        case .void(let authorization):
            ["void": .string(authorization)]
        case .refund(let capture, let amount):
            ["refund": .string(capture), "amount": amount.json, "currency": amount.currencyJSON]
        }
    }

    init?(_ json: JSONObject) {
        let amount: Money? =
            if let units = json["amount"]?.int64, let code = json["currency"]?.string,
                let currency = Currency(code: code)
            { Money(minorUnits: units, currency: currency) } else { nil }
        if let orderID = json["authorize"]?.string, let amount, let token = json["token"]?.string {
            self = .authorize(orderID: orderID, amount, token: token)
        } else if let authorization = json["capture"]?.string, let amount {
            self = .capture(authorization: authorization, amount)
        } else if let authorization = json["void"]?.string {
            self = .void(authorization: authorization)
        } else if let capture = json["refund"]?.string, let amount {
            self = .refund(capture: capture, amount)
        } else {
            return nil
        }
    }
}

extension GatewayAnswer {
    /// The code for a key that comes with other parameters. It says nothing about the first request's effect.
    static let keyReused = "KEY_REUSED"

    /// Nil for no answer, which is never kept.
    var json: JSONValue? {
        switch self {
        case .approved(let id, let isExpired): ["approved": .string(id), "expired": .bool(isExpired)]
        case .refused(let code, let message): ["refused": .string(code), "message": .string(message)]
        case .unanswered: nil
        }
    }

    init?(_ json: JSONValue) {
        if let id = json["approved"]?.string {
            self = .approved(id: id, isExpired: json["expired"]?.bool ?? false)
        } else if let code = json["refused"]?.string {
            self = .refused(code: code, message: json["message"]?.string ?? "")
        } else {
            return nil
        }
    }
}

extension Money {
    var json: JSONValue { .number(JSONNumber(minorUnits)) }
    var currencyJSON: JSONValue { .string(currency.code) }
}
