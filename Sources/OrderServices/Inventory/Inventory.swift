import GRDB
import SagaCore
import SagaParticipant

/// Keeps stock: reserves it for orders, makes reservations firm, takes them back.
///
/// A reservation is soft until the order's payment is about to be captured, and expires by itself; `inventory.commit`
/// makes it hard, which is as good as sold. Shipping (`FULFILLED`) is the warehouse's business, not a saga's.
package enum Inventory {
    /// How long a soft reservation lasts unless set otherwise. Longer than any saga's deadline.
    package static let reservationMilliseconds: Int64 = 24 * 3_600_000

    package static func participant(
        reservationMilliseconds: Int64 = Inventory.reservationMilliseconds
    ) -> Participant {
        Participant(
            name: "inventory",
            migrations: [Participant.Migration("1") { db in try db.execute(sql: InventorySchema.tables) }],
            handlers: [
                .action("inventory.reserve") { db, context in
                    try reserve(db, context, lasting: reservationMilliseconds)
                },
                .compensation("inventory.release", release),
                .action("inventory.commit", commit),
                .compensation("inventory.uncommit", uncommit),
                .action("inventory.restock", restock),
            ],
            maintain: { db, now in try Reservation.expire(db, now: now) })
    }

    /// `{"orderId", "lines": [{"sku", "quantity"}]}` → `{"reservation"}`. All lines or none.
    @Sendable private static func reserve(
        _ db: Database, _ context: CommandContext, lasting milliseconds: Int64
    ) throws -> HandlerResult {
        let orderID = try Fields.identifier(context.input["orderId"], at: "orderId")
        let lines = try Fields.quantities(context.input["lines"], at: "lines")
            .map { Reservation.Line(sku: $0.sku, quantity: $0.quantity) }
        try Reservation.expire(db, now: context.now)
        if let refusal = try shortage(of: lines, db) { return refusal }
        let reservation = Reservation(
            id: "\(context.id.saga)-\(context.id.step)", orderID: orderID,
            expiresAt: context.now.adding(milliseconds: milliseconds), lines: lines)
        try reservation.insert(for: context.id, at: context.now, db)
        return .succeeded(["reservation": .string(reservation.id)])
    }

    /// `{"reservation"}`: from soft to hard. One that has expired is reserved anew if there is stock.
    @Sendable private static func commit(_ db: Database, _ context: CommandContext) throws -> HandlerResult {
        let id = try Fields.identifier(context.input["reservation"], at: "reservation")
        guard var reservation = try Reservation.find(id, db) else { return .noReservation }
        switch reservation.state {
        case .soft:
            try reservation.become(.hard, by: .hardReserved, at: context.now, db)
        case .expired:
            try Reservation.expire(db, now: context.now)
            guard try shortage(of: reservation.lines, db) == nil else {
                return .failed(
                    code: "RESERVATION_EXPIRED", message: "the reservation has expired and the stock is gone")
            }
            try reservation.become(.hard, by: .softReserved, .hardReserved, at: context.now, db)
        case .hard, .fulfilled, .released, .returned:
            return .failed(
                code: "RESERVATION_CLOSED", message: "the reservation is \(reservation.state.rawValue)")
        }
        return .succeeded(["reservation": .string(id)])
    }

    /// Undoes `inventory.commit`: soft again, with the time it had.
    @Sendable private static func uncommit(_ db: Database, _ context: CommandContext) throws -> HandlerResult {
        guard var reservation = try reservation(of: context, db) else { return .noReservation }
        switch reservation.state {
        case .hard:
            try reservation.become(.soft, by: .cancelledHard, .softReserved, at: context.now, db)
        case .soft, .expired, .released:
            break
        case .fulfilled, .returned:
            return .failed(code: "ALREADY_SHIPPED", message: "the reservation is \(reservation.state.rawValue)")
        }
        return .succeeded([:])
    }

    /// Undoes `inventory.reserve`. One that has expired is given back already.
    @Sendable private static func release(_ db: Database, _ context: CommandContext) throws -> HandlerResult {
        guard var reservation = try reservation(of: context, db) else { return .noReservation }
        switch reservation.state {
        case .soft: try reservation.become(.released, by: .cancelledSoft, at: context.now, db)
        case .hard: try reservation.become(.released, by: .cancelledHard, at: context.now, db)
        case .expired, .released: break
        case .fulfilled, .returned:
            return .failed(code: "ALREADY_SHIPPED", message: "the reservation is \(reservation.state.rawValue)")
        }
        return .succeeded([:])
    }

    /// `{"orderId"}`, with the `saga` that sold it if there may be several, or `{"reservation"}`: puts what was sold
    /// back on the shelf.
    @Sendable private static func restock(_ db: Database, _ context: CommandContext) throws -> HandlerResult {
        let found =
            if let id = try Fields.optionalIdentifier(context.input["reservation"], at: "reservation") {
                try Reservation.find(id, db)
            } else {
                try Reservation.sold(
                    toOrder: Fields.identifier(context.input["orderId"], at: "orderId"),
                    by: Fields.optionalIdentifier(context.input["saga"], at: "saga"), db)
            }
        guard var reservation = found else { return .noReservation }
        switch reservation.state {
        case .hard: try reservation.become(.returned, by: .returnedHard, at: context.now, db)
        case .fulfilled: try reservation.become(.returned, by: .returnedFulfilled, at: context.now, db)
        case .soft, .released, .expired, .returned:
            return .failed(code: "NOT_SOLD", message: "the reservation is \(reservation.state.rawValue)")
        }
        return .succeeded(["reservation": .string(reservation.id), "orderId": .string(reservation.orderID)])
    }

    private static func reservation(of context: CommandContext, _ db: Database) throws -> Reservation? {
        guard let id = context.actionOutput?["reservation"]?.string else { return nil }
        return try Reservation.find(id, db)
    }

    private static func shortage(of lines: [Reservation.Line], _ db: Database) throws -> HandlerResult? {
        let (unknown, short) = try Reservation.shortages(lines, db)
        if !unknown.isEmpty {
            return .failed(code: "UNKNOWN_SKU", message: "not in stock at all: \(unknown.shown)")
        }
        return short.isEmpty ? nil : .failed(code: "OUT_OF_STOCK", message: short.shown)
    }
}

extension HandlerResult {
    fileprivate static let noReservation = HandlerResult.failed(
        code: "RESERVATION_UNKNOWN", message: "there is no such reservation")
}

extension [String] {
    /// The first of them.
    fileprivate var shown: String {
        let first = prefix(10).joined(separator: "; ").escapedForTerminal
        return count > 10 ? "\(first); and \(count - 10) more" : first
    }
}
