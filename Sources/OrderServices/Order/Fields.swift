import SagaCore

/// Reads the fields that orders and commands have in common.
enum Fields {
    static func missing(_ path: String) -> Refusal {
        Refusal(code: .fieldMissing, path: path, message: "this field is required")
    }

    /// A non-empty text of at most 200 bytes without control characters, or an integer.
    static func identifier(_ value: JSONValue?, at path: String) throws(Refusal) -> String {
        guard let value else { throw missing(path) }
        if let number = value.int64 { return String(number) }
        guard let text = value.string else {
            throw Refusal(code: .fieldType, path: path, message: "expected a string")
        }
        guard !text.isEmpty, text.utf8.count <= 200,
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw Refusal(
                code: .fieldValue, path: path, message: "expected 1 to 200 bytes without control characters")
        }
        return text
    }

    static func optionalIdentifier(_ value: JSONValue?, at path: String) throws(Refusal) -> String? {
        guard let value, !value.isNull else { return nil }
        return try identifier(value, at: path)
    }

    static func quantity(_ value: JSONValue?, at path: String) throws(Refusal) -> Int64 {
        guard let value else { throw missing(path) }
        guard let quantity = value.int64 else {
            throw Refusal(code: .fieldType, path: path, message: "expected a whole number")
        }
        guard quantity > 0, quantity <= Order.maximumQuantity else {
            throw Refusal(
                code: .fieldValue, path: path, message: "expected a quantity from 1 to \(Order.maximumQuantity)")
        }
        return quantity
    }

    /// An amount, or nothing, or zero.
    static func discount(_ value: JSONValue?, at path: String) throws(Refusal) -> Int64 {
        guard let value, value.int64 != 0 else { return 0 }
        return try Money.amount(value, at: path)
    }

    static func currency(_ value: JSONValue?, at path: String) throws(Refusal) -> Currency {
        guard let value else { throw missing(path) }
        guard let currency = value.string.flatMap(Currency.init(code:)) else {
            throw Refusal(code: .currencyUnknown, path: path, message: "expected a currency code of ISO 4217, like EUR")
        }
        return currency
    }

    /// What an order may come to: what every JSON reader keeps exactly, so that the books can add up many of them.
    static let largestTotal: Int64 = (1 << 53) - 1

    static func total(_ value: JSONValue?, at path: String) throws(Refusal) -> Int64 {
        let amount = try Money.amount(value, at: path)
        guard amount <= largestTotal else {
            throw Refusal(code: .moneyRange, path: path, message: "expected an amount from 1 to \(largestTotal)")
        }
        return amount
    }

    /// The amount of a command. Where it names no currency, it is in euros.
    static func money(_ command: JSONValue) throws(Refusal) -> Money {
        let amount = try total(command["amount"], at: "amount")
        return Money(minorUnits: amount, currency: try currency(command["currency"] ?? "EUR", at: "currency"))
    }

    /// The lines of a command, those of the same SKU added up, in the order of first mention.
    static func quantities(_ value: JSONValue?, at path: String) throws(Refusal) -> [(sku: String, quantity: Int64)] {
        guard let value else { throw missing(path) }
        guard let lines = value.array, !lines.isEmpty, lines.count <= Order.maximumLines else {
            throw Refusal(code: .fieldValue, path: path, message: "expected 1 to \(Order.maximumLines) lines")
        }
        var order: [String] = []
        var sums: [String: Int64] = [:]
        for (index, line) in lines.enumerated() {
            let sku = try identifier(line["sku"], at: "\(path)[\(index)].sku")
            let quantity = try quantity(line["quantity"], at: "\(path)[\(index)].quantity")
            if sums[sku] == nil { order.append(sku) }
            if PlantedBug.forgetsLines.isPlanted { sums[sku] = 0 }
            sums[sku, default: 0] += quantity
        }
        return order.map { ($0, sums[$0] ?? 0) }
    }
}
