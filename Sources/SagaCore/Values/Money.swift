/// An amount of money: whole minor units of one currency, never floating point.
public struct Money: Sendable, Hashable, CustomStringConvertible {
    public let minorUnits: Int64
    public let currency: Currency

    public init(minorUnits: Int64, currency: Currency) {
        self.minorUnits = minorUnits
        self.currency = currency
    }

    /// - Throws: `MONEY_OVERFLOW`, or `MONEY_MISMATCH` for another currency.
    public func adding(_ other: Money, at path: String = "") throws(Refusal) -> Money {
        try requireSameCurrency(as: other, at: path)
        return try checked(minorUnits.addingReportingOverflow(other.minorUnits), at: path)
    }

    /// - Throws: `MONEY_OVERFLOW`, or `MONEY_MISMATCH` for another currency.
    public func subtracting(_ other: Money, at path: String = "") throws(Refusal) -> Money {
        try requireSameCurrency(as: other, at: path)
        return try checked(minorUnits.subtractingReportingOverflow(other.minorUnits), at: path)
    }

    /// - Throws: `MONEY_OVERFLOW`.
    public func multiplied(by factor: Int64, at path: String = "") throws(Refusal) -> Money {
        try checked(minorUnits.multipliedReportingOverflow(by: factor), at: path)
    }

    /// Like `440.00 EUR`.
    public var formatted: String {
        let sign = minorUnits < 0 ? "-" : ""
        let digits = String(minorUnits.magnitude)
        let places = currency.minorUnitDigits
        guard places > 0 else { return "\(sign)\(digits) \(currency.code)" }
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.utf8.count)) + digits
        return "\(sign)\(padded.dropLast(places)).\(padded.suffix(places)) \(currency.code)"
    }

    public var description: String { formatted }

    private func requireSameCurrency(as other: Money, at path: String) throws(Refusal) {
        guard currency == other.currency else {
            throw Refusal(code: .moneyMismatch, path: path, message: "expected amounts of one currency")
        }
    }

    private func checked(
        _ result: (partialValue: Int64, overflow: Bool), at path: String
    ) throws(Refusal) -> Money {
        guard !result.overflow else {
            throw Refusal(code: .moneyOverflow, path: path, message: "expected a result within 64 bits of minor units")
        }
        return Money(minorUnits: result.partialValue, currency: currency)
    }
}

// MARK: - Reading

extension Money {
    /// The amount in a message: a positive whole number of minor units.
    ///
    /// - Throws: `MONEY_FORMAT` for anything but an integer literal, `MONEY_RANGE` for one below 1 or beyond 64 bits.
    public static func amount(_ value: JSONValue?, at path: String) throws(Refusal) -> Int64 {
        guard case .number(let number) = value, number.isIntegerLiteral else {
            throw Refusal(
                code: .moneyFormat, path: path,
                message: "expected a whole number of minor units, without fraction or exponent")
        }
        guard let amount = number.int64, amount > 0 else {
            throw Refusal(code: .moneyRange, path: path, message: "expected an amount from 1 to \(Int64.max)")
        }
        return amount
    }
}

extension JSONNumber {
    fileprivate var isIntegerLiteral: Bool {
        switch storage {
        case .integer: true
        case .text(let text): text.utf8.allSatisfy { $0 != UInt8(ascii: ".") && $0 | 0x20 != UInt8(ascii: "e") }
        }
    }
}
