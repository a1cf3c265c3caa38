import SagaCore

/// What a customer orders: the input of place-order.
package struct Order: Sendable, Hashable {
    package struct Line: Sendable, Hashable {
        package let sku: String
        package let quantity: Int64
        package let unitPrice: Money
        package let discount: Money
        /// quantity × unit price − discount.
        package let total: Money
    }
    package struct PaymentMethod: Sendable, Hashable {
        package let type: String
        package let token: String
    }

    package let orderID: String
    package let customerID: String
    package let total: Money
    package let lines: [Line]
    package let paymentMethod: PaymentMethod
}

extension Order {
    package static let maximumLines = 1000
    package static let maximumQuantity: Int64 = 1_000_000_000

    /// Reads an order and checks that it adds up. Members it does not know are left alone.
    ///
    /// - Throws: the first thing that is wrong, with its path.
    package init(_ json: JSONValue) throws(Refusal) {
        guard json.object != nil else { throw Refusal(code: .fieldType, message: "expected an object") }
        orderID = try Fields.identifier(json["orderId"], at: "orderId")
        customerID = try Fields.identifier(json["customerId"], at: "customerId")
        let currency = try Fields.currency(json["currency"], at: "currency")
        total = Money(minorUnits: try Money.amount(json["total"], at: "total"), currency: currency)

        guard let values = json["lines"] else { throw Fields.missing("lines") }
        guard let values = values.array, !values.isEmpty, values.count <= Self.maximumLines else {
            throw Refusal(code: .fieldValue, path: "lines", message: "expected 1 to \(Self.maximumLines) lines")
        }
        var lines: [Line] = []
        var sum = Money(minorUnits: 0, currency: currency)
        for (index, value) in values.enumerated() {
            let line = try Line(value, currency: currency, at: "lines[\(index)]")
            sum = try sum.adding(line.total, at: "lines")
            lines.append(line)
        }
        guard sum == total else {
            throw Refusal(code: .moneyMismatch, path: "total", message: "expected the sum of the lines")
        }
        _ = try Fields.total(json["total"], at: "total")
        self.lines = lines
        paymentMethod = try PaymentMethod(json["paymentMethod"], at: "paymentMethod")
    }
}

extension Order.Line {
    init(_ json: JSONValue, currency: Currency, at path: String) throws(Refusal) {
        guard json.object != nil else { throw Refusal(code: .fieldType, path: path, message: "expected an object") }
        sku = try Fields.identifier(json["sku"], at: "\(path).sku")
        quantity = try Fields.quantity(json["quantity"], at: "\(path).quantity")
        unitPrice = Money(
            minorUnits: try Money.amount(json["unitPrice"], at: "\(path).unitPrice"), currency: currency)
        let gross = try unitPrice.multiplied(by: quantity, at: path)
        discount = Money(
            minorUnits: try Fields.discount(json["discount"], at: "\(path).discount"), currency: currency)
        total = try gross.subtracting(discount, at: path)
        guard total.minorUnits >= 0 else {
            throw Refusal(
                code: .moneyRange, path: "\(path).discount", message: "expected at most quantity × unitPrice")
        }
    }
}

extension Order.PaymentMethod {
    init(_ json: JSONValue?, at path: String) throws(Refusal) {
        guard let json else { throw Fields.missing(path) }
        guard json.object != nil else { throw Refusal(code: .fieldType, path: path, message: "expected an object") }
        type = try Fields.identifier(json["type"], at: "\(path).type")
        token = try Fields.identifier(json["token"], at: "\(path).token")
    }
}
