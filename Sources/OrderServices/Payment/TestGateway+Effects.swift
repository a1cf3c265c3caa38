import DurableSQLite
import GRDB
import SagaCore

extension GatewayRequest {
    var operation: TestCard.Operation {
        switch self {
        case .authorize: .authorize
        case .capture: .capture
        case .void: .void
        case .refund: .refund
        }
    }
}

extension TestGateway {
    /// Which order and card the request is about; empty where there is none.
    static func orderAndToken(of request: GatewayRequest, _ db: Database) throws -> (id: String, token: String) {
        let found: Row?
        switch request {
        case .authorize(let orderID, _, let token):
            return (orderID, token)
        case .capture(let authorization, _), .void(let authorization):
            found = try Row.fetchOne(
                db, cachedSQL: "SELECT order_id, token FROM authorization WHERE id = ?", arguments: [authorization])
        case .refund(let capture, _):
            found = try Row.fetchOne(
                db,
                cachedSQL: """
                    SELECT order_id, token FROM authorization JOIN capture ON capture.authorization = authorization.id
                    WHERE capture.id = ?
                    """, arguments: [capture])
        }
        guard let found else { return ("", TestCard.visa.rawValue) }
        return (found[0], found[1])
    }

    /// Does it, if the books allow it.
    static func approve(_ request: GatewayRequest, _ token: String, _ db: Database) throws -> GatewayAnswer {
        switch request {
        case .authorize(let orderID, let amount, _):
            let id = try nextID("auth", "authorization", db)
            try db.execute(
                cachedSQL: """
                    INSERT INTO authorization (id, order_id, token, amount, currency, state)
                    VALUES (?, ?, ?, ?, ?, 'authorized')
                    """, arguments: [id, orderID, token, amount.minorUnits, amount.currency.code])
            return .approved(id: id)
        case .capture(let authorization, let amount):
            return try capture(authorization, amount, db)
        case .void(let authorization):
            return try void(authorization, db)
        case .refund(let capture, let amount):
            return try refund(capture, amount, db)
        }
    }

    private static func capture(_ authorization: String, _ amount: Money, _ db: Database) throws -> GatewayAnswer {
        guard let row = try authorizationRow(authorization, db) else { return .unknown("authorization") }
        switch row["state"] as String {
        case "expired":
            return .refused(code: "AUTHORIZATION_EXPIRED", message: "the authorization has expired")
        case "authorized":
            guard row["amount"] == amount.minorUnits, row["currency"] == amount.currency.code else {
                return .refused(code: "AMOUNT_MISMATCH", message: "another amount was authorized")
            }
            let id = try nextID("cap", "capture", db)
            try db.execute(
                cachedSQL: "INSERT INTO capture (id, authorization, amount) VALUES (?, ?, ?)",
                arguments: [id, authorization, amount.minorUnits])
            try set("captured", authorization, db)
            return .approved(id: id)
        case let state:
            return .refused(code: "AUTHORIZATION_CLOSED", message: "the authorization is \(state)")
        }
    }

    private static func void(_ authorization: String, _ db: Database) throws -> GatewayAnswer {
        guard let row = try authorizationRow(authorization, db) else { return .unknown("authorization") }
        switch row["state"] as String {
        case "captured":
            return .refused(code: "ALREADY_CAPTURED", message: "what was captured can only be refunded")
        case "expired":
            return .approved(id: authorization, isExpired: true)
        default:
            try set("voided", authorization, db)
            return .approved(id: authorization)
        }
    }

    private static func refund(_ capture: String, _ amount: Money, _ db: Database) throws -> GatewayAnswer {
        guard
            let left = try Int64.fetchOne(
                db, cachedSQL: "SELECT amount - refunded FROM capture WHERE id = ?", arguments: [capture])
        else { return .unknown("capture") }
        guard amount.minorUnits <= left else {
            return .refused(code: "REFUND_TOO_LARGE", message: "that much was not captured, or is refunded already")
        }
        try db.execute(
            cachedSQL: "UPDATE capture SET refunded = refunded + ? WHERE id = ?",
            arguments: [amount.minorUnits, capture])
        let count = try Int.fetchOne(db, cachedSQL: "SELECT count(*) FROM request WHERE operation = 'refund'") ?? 0
        return .approved(id: "ref_\(count)")
    }

    private static func authorizationRow(_ id: String, _ db: Database) throws -> Row? {
        try Row.fetchOne(
            db, cachedSQL: "SELECT state, amount, currency FROM authorization WHERE id = ?", arguments: [id])
    }

    private static func set(_ state: String, _ authorization: String, _ db: Database) throws {
        try db.execute(
            cachedSQL: "UPDATE authorization SET state = ? WHERE id = ?", arguments: [state, authorization])
    }

    private static func nextID(_ prefix: String, _ table: String, _ db: Database) throws -> String {
        let count = try Int.fetchOne(db, cachedSQL: "SELECT count(*) FROM \(table)") ?? 0
        return "\(prefix)_\(count + 1)"
    }
}

extension GatewayAnswer {
    fileprivate static func unknown(_ what: String) -> GatewayAnswer {
        .refused(code: "\(what.uppercased())_UNKNOWN", message: "there is no such \(what)")
    }
}
