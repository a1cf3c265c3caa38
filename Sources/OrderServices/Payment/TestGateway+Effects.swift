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
        let found: (id: String, token: String)?
        switch request {
        case .authorize(let orderID, _, let token):
            return (orderID, token)
        case .capture(let authorization, _), .void(let authorization):
            found = try db.firstRow("SELECT order_id, token FROM authorization WHERE id = ?", authorization) {
                ($0.text(0), $0.text(1))
            }
        case .refund(let capture, _):
            found = try db.firstRow(
                """
                SELECT order_id, token FROM authorization JOIN capture ON capture.authorization = authorization.id
                WHERE capture.id = ?
                """, capture
            ) { ($0.text(0), $0.text(1)) }
        }
        return found ?? ("", TestCard.visa.rawValue)
    }

    /// Does it, if the books allow it.
    ///
    /// - Parameter number: the request's own.
    static func approve(
        _ request: GatewayRequest, _ number: Int, _ token: String, _ db: Database
    ) throws -> GatewayAnswer {
        switch request {
        case .authorize(let orderID, let amount, _):
            let id = try nextID("auth", "authorization", db)
            try db.run(
                """
                INSERT INTO authorization (id, order_id, token, amount, currency, state)
                VALUES (?, ?, ?, ?, ?, 'authorized')
                """, id, orderID, token, amount.minorUnits, amount.currency.code)
            return .approved(id: id)
        case .capture(let authorization, let amount):
            return try capture(authorization, amount, db)
        case .void(let authorization):
            return try void(authorization, db)
        case .refund(let capture, let amount):
            return try refund(capture, amount, number, db)
        }
    }

    private static func capture(_ authorization: String, _ amount: Money, _ db: Database) throws -> GatewayAnswer {
        guard let found = try find(authorization, db) else { return .unknown("authorization") }
        switch found.state {
        case "expired":
            return .refused(code: "AUTHORIZATION_EXPIRED", message: "the authorization has expired")
        case "authorized":
            guard found.amount == amount.minorUnits, found.currency == amount.currency.code else {
                return .refused(code: "AMOUNT_MISMATCH", message: "another amount was authorized")
            }
            let id = try nextID("cap", "capture", db)
            try db.run(
                "INSERT INTO capture (id, authorization, amount) VALUES (?, ?, ?)", id, authorization,
                amount.minorUnits)
            try set("captured", authorization, db)
            return .approved(id: id)
        case let state:
            return .refused(code: "AUTHORIZATION_CLOSED", message: "the authorization is \(state)")
        }
    }

    private static func void(_ authorization: String, _ db: Database) throws -> GatewayAnswer {
        guard let found = try find(authorization, db) else { return .unknown("authorization") }
        switch found.state {
        case "captured":
            return .refused(code: "ALREADY_CAPTURED", message: "what was captured can only be refunded")
        case "expired":
            return .approved(id: authorization, isExpired: true)
        default:
            try set("voided", authorization, db)
            return .approved(id: authorization)
        }
    }

    private static func refund(
        _ capture: String, _ amount: Money, _ number: Int, _ db: Database
    ) throws -> GatewayAnswer {
        let left = try db.firstRow("SELECT amount - refunded FROM capture WHERE id = ?", capture) { $0.int64(0) }
        guard let left else { return .unknown("capture") }
        guard amount.minorUnits <= left else {
            return .refused(code: "REFUND_TOO_LARGE", message: "that much was not captured, or is refunded already")
        }
        try db.run("UPDATE capture SET refunded = refunded + ? WHERE id = ?", amount.minorUnits, capture)
        return .approved(id: "ref_\(number)")
    }

    private static func find(
        _ id: String, _ db: Database
    ) throws -> (state: String, amount: Int64, currency: String)? {
        try db.firstRow("SELECT state, amount, currency FROM authorization WHERE id = ?", id) {
            ($0.text(0), $0.int64(1), $0.text(2))
        }
    }

    private static func set(_ state: String, _ authorization: String, _ db: Database) throws {
        try db.run("UPDATE authorization SET state = ? WHERE id = ?", state, authorization)
    }

    private static func nextID(_ prefix: String, _ table: String, _ db: Database) throws -> String {
        let last = try db.firstRow("SELECT max(rowid) FROM \(table)") { $0.int(0) } ?? 0
        return "\(prefix)_\(last + 1)"
    }
}

extension GatewayAnswer {
    fileprivate static func unknown(_ what: String) -> GatewayAnswer {
        .refused(code: "\(what.uppercased())_UNKNOWN", message: "there is no such \(what)")
    }
}
