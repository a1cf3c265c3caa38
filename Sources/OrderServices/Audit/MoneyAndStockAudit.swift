import DurableSQLite
import GRDB
import SagaCore
import SagaParticipant

/// I3 across the services: money captured, sales in the books and stock sold belong to the same sagas.
///
/// Each service is audited by itself at any time; they are compared with one another only at rest.
package struct MoneyAndStockAudit: Sendable {
    private let inventory: any DatabaseReader
    private let payment: any DatabaseReader
    private let ledger: any DatabaseReader
    private let gateway: (any DatabaseReader)?

    package init(
        inventory: any DatabaseReader, payment: any DatabaseReader, ledger: any DatabaseReader,
        gateway: (any DatabaseReader)?
    ) {
        self.inventory = inventory
        self.payment = payment
        self.ledger = ledger
        self.gateway = gateway
    }

    /// Of services that are open in this process.
    package init?(_ services: [OpenOrderService]) {
        func find(_ kind: OrderService) -> OpenOrderService? { services.first { $0.kind == kind } }
        guard let inventory = find(.inventory), let payment = find(.payment), let ledger = find(.ledger) else {
            return nil
        }
        self.init(
            inventory: inventory.database.queue, payment: payment.database.queue, ledger: ledger.database.queue,
            gateway: payment.gateway?.database.queue)
    }

    /// Of the services' files in a directory, read-only, while anyone may be running on them.
    package init(reading directory: String) throws {
        func open(_ name: String) throws -> DatabaseQueue {
            try DurableDatabase.reading(path: "\(directory)/\(name).sqlite")
        }
        self.init(
            inventory: try open("inventory"), payment: try open("payment"), ledger: try open("ledger"),
            gateway: try open("gateway"))
    }

    /// - Parameters:
    ///   - atRest: every saga has ended or is stuck, nothing is under way.
    ///   - exceptions: sagas stuck or abandoned, of which money and stock may be left anywhere.
    package func report(atRest: Bool, excepting exceptions: Set<SagaID> = []) throws -> AuditReport {
        var report = AuditReport()
        report.append(try inventory.consistentRead { try Inventory.audit.report($0, excepting: exceptions) })
        report.append(try payment.consistentRead { try Payment.audit.report($0, excepting: exceptions) })
        report.append(try ledger.consistentRead { try Ledger.audit.report($0, excepting: exceptions) })
        guard atRest else {
            report.unfinished = []
            return report
        }
        let excepted = try exceptions.union(sagasTouched(by: exceptions))
        try compareBySaga(excepted, &report)
        if let gateway { try compare(with: gateway, excepted, &report) }
        return report
    }

    /// Money, books and stock of each saga.
    private func compareBySaga(_ exceptions: Set<SagaID>, _ report: inout AuditReport) throws {
        let money = try payment.consistentRead(Self.captured)
        let sales = try ledger.consistentRead(Self.sold)
        let stock = try inventory.consistentRead(Self.stocked)
        for saga in Set(money.keys).union(sales.keys).union(stock).subtracting(exceptions).sorted() {
            if money[saga] != sales[saga] {
                report.violations.append(
                    "saga \(saga): captured less refunded is \(money[saga].shown), the books say \(sales[saga].shown)")
            }
            if stock.contains(saga) != (sales[saga] != nil) {
                report.violations.append(
                    "saga \(saga): its stock is \(stock.contains(saga) ? "" : "not ")sold, the books say otherwise")
            }
        }
    }

    /// What payment knows of each authorization, and what the gateway does.
    private func compare(
        with gateway: any DatabaseReader, _ exceptions: Set<SagaID>, _ report: inout AuditReport
    ) throws {
        let ours = try payment.consistentRead(Self.paymentsAsKnown)
        let theirs = try gateway.consistentRead(Self.paymentsAtGateway)
        for authorization in Set(ours.keys).union(theirs.keys).sorted() {
            // A call of an excepted saga may have been made and never noted.
            guard let known = ours[authorization] else {
                if exceptions.isEmpty {
                    report.violations.append("authorization \(authorization): known to the gateway only")
                }
                continue
            }
            guard !exceptions.contains(known.saga), theirs[authorization] != known.text else { continue }
            report.violations.append(
                """
                authorization \(authorization): payment says \(known.text), \
                the gateway says \(theirs[authorization].shown)
                """)
        }
    }

    /// The sagas whose orders these sagas were returning.
    private func sagasTouched(by sagas: Set<SagaID>) throws -> Set<SagaID> {
        guard !sagas.isEmpty else { return [] }
        let list: StatementArguments = [sagas.jsonList]
        let returned = try ledger.consistentRead {
            try Int64.fetchAll(
                $0, cachedSQL: "SELECT saga FROM sale WHERE return_saga IN (SELECT value FROM json_each(?))",
                arguments: list)
        }
        let refunded = try payment.consistentRead {
            try Int64.fetchAll(
                $0,
                cachedSQL: """
                    SELECT payment.saga FROM refund JOIN capture ON capture.id = refund.capture
                    JOIN payment USING (authorization) WHERE refund.saga IN (SELECT value FROM json_each(?))
                    """, arguments: list)
        }
        return Set((returned + refunded).map(SagaID.init(column:)))
    }

    /// Captured less refunded by saga, where anything is left.
    private static func captured(_ db: Database) throws -> [SagaID: String] {
        try amounts(
            db,
            """
            SELECT payment.saga, capture.amount
                - (SELECT coalesce(sum(amount), 0) FROM refund WHERE capture = capture.id) AS rest, payment.currency
            FROM capture JOIN payment USING (authorization) WHERE rest <> 0
            """)
    }

    /// Sales that stand, by saga.
    private static func sold(_ db: Database) throws -> [SagaID: String] {
        try amounts(db, "SELECT saga, amount, currency FROM sale WHERE state IN ('settled', 'returning')")
    }

    private static func amounts(_ db: Database, _ sql: String) throws -> [SagaID: String] {
        let rows = try Row.fetchAll(db, cachedSQL: sql).map {
            (SagaID(column: $0[0]), "\($0[1] as Int64) \($0[2] as String)")
        }
        return Dictionary(rows) { "\($0) and \($1)" }
    }

    /// Sagas whose stock is sold.
    private static func stocked(_ db: Database) throws -> Set<SagaID> {
        let sagas = try Int64.fetchAll(
            db, cachedSQL: "SELECT saga FROM reservation WHERE state IN ('hard', 'fulfilled')")
        return Set(sagas.map(SagaID.init(column:)))
    }

    private static func paymentsAsKnown(_ db: Database) throws -> [String: (saga: SagaID, text: String)] {
        let rows = try Row.fetchAll(
            db,
            cachedSQL: """
                SELECT payment.authorization, payment.saga, state || ' ' || payment.amount || ' ' || currency
                    || ', refunded ' || coalesce((SELECT sum(amount) FROM refund WHERE capture = capture.id), 0)
                FROM payment LEFT JOIN capture USING (authorization)
                """)
        let known = rows.map { ($0[0] as String, (saga: SagaID(column: $0[1]), text: $0[2] as String)) }
        return Dictionary(known) { first, _ in first }
    }

    private static func paymentsAtGateway(_ db: Database) throws -> [String: String] {
        let rows = try Row.fetchAll(
            db,
            cachedSQL: """
                SELECT authorization.id, state || ' ' || authorization.amount || ' ' || currency || ', refunded '
                    || coalesce(refunded, 0)
                FROM authorization LEFT JOIN capture ON capture.authorization = authorization.id
                """)
        return Dictionary(rows.map { ($0[0] as String, $0[1] as String) }) { first, _ in first }
    }
}

extension String? {
    fileprivate var shown: String { self ?? "nothing" }
}

extension OrderService {
    package var audit: ServiceAudit {
        switch self {
        case .inventory: Inventory.audit
        case .payment: Payment.audit
        case .ledger: Ledger.audit
        }
    }
}
