import DurableSQLite
import GRDB
import SagaCore

extension Inventory {
    /// What receiving a file of stock came to.
    package struct Receipt: Sendable, Hashable {
        /// SKUs counted in, and how many units.
        package var received = 0
        package var units: Int64 = 0
        /// Lines that were counted in before.
        package var known = 0
    }

    /// Counts in stock from JSON Lines like `{"sku": "11", "onHand": 22}`, all or nothing.
    ///
    /// A line is counted once: the same file a second time receives nothing. More of the same SKU is another delivery
    /// and says so: `{"sku": "11", "onHand": 5, "delivery": "2026-11-21"}`. The same SKU and delivery with another
    /// number is refused with `IDEMPOTENCY_CONFLICT`.
    package static func receive(_ text: String, into db: Database, now: Timestamp) throws -> Receipt {
        var receipt = Receipt()
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where line.contains(where: { !$0.isWhitespace }) {
            let place = "line \(index + 1)"
            let json: JSONValue
            do {
                json = try JSONValue.parse(String(line))
            } catch {
                throw Refusal(code: error.code, path: "\(place):\(error.column)", message: "expected \(error.expected)")
            }
            try receive(json, at: place, into: db, now, &receipt)
        }
        guard receipt.received + receipt.known > 0 else {
            throw Refusal(code: .fieldMissing, message: #"expected lines like {"sku": "11", "onHand": 22}"#)
        }
        return receipt
    }

    private static func receive(
        _ json: JSONValue, at place: String, into db: Database, _ now: Timestamp, _ receipt: inout Receipt
    ) throws {
        guard let members = json.object else {
            throw Refusal(code: .fieldType, path: place, message: "expected an object")
        }
        for key in members.keys where !["sku", "onHand", "delivery"].contains(key) {
            throw Refusal(code: .fieldUnknown, path: place, message: "expected only sku, onHand and delivery")
        }
        let sku = try Fields.identifier(json["sku"], at: "\(place): sku")
        let delivery = try Fields.optionalIdentifier(json["delivery"], at: "\(place): delivery") ?? ""
        guard let onHand = json["onHand"]?.int64, (0...Order.maximumQuantity).contains(onHand) else {
            throw Refusal(
                code: .fieldValue, path: "\(place): onHand",
                message: "expected a whole number from 0 to \(Order.maximumQuantity)")
        }
        let before = try Int64.fetchOne(
            db, cachedSQL: "SELECT quantity FROM receipt WHERE sku = ? AND delivery = ?", arguments: [sku, delivery])
        if let before {
            guard before == onHand else {
                throw Refusal(
                    code: .idempotencyConflict, path: place,
                    message: """
                        this delivery of the SKU was received with \(before); \
                        for more of it, name another delivery: {"sku": …, "onHand": …, "delivery": "…"}
                        """)
            }
            receipt.known += 1
            return
        }
        try db.execute(sql: "INSERT OR IGNORE INTO stock (sku) VALUES (?)", arguments: [sku])
        try db.execute(
            sql: "INSERT INTO receipt (sku, delivery, quantity, received_at) VALUES (?, ?, ?, ?)",
            arguments: [sku, delivery, onHand, now.milliseconds])
        if onHand > 0 {
            try StockChange.received.log(db, sku: sku, quantity: onHand, reservation: nil, at: now)
        }
        receipt.received += 1
        receipt.units += onHand
    }

    /// The counts of one SKU.
    package struct Stock: Sendable, Hashable {
        package let sku: String
        package let available: Int64
        package let softReserved: Int64
        package let hardReserved: Int64
        package let fulfilled: Int64
    }

    package static func stock(_ db: Database) throws -> [Stock] {
        try Row.fetchAll(
            db, cachedSQL: "SELECT sku, available, soft_reserved, hard_reserved, fulfilled FROM stock ORDER BY sku"
        ).map {
            Stock(sku: $0[0], available: $0[1], softReserved: $0[2], hardReserved: $0[3], fulfilled: $0[4])
        }
    }
}
