import DurableSQLite
import GRDB
import SagaCore

/// What an audit found: figures to look at, what must never be, and what must not be at rest.
package struct AuditReport: Sendable, Hashable {
    package struct Figure: Sendable, Hashable {
        package let name: String
        package let value: Int64
    }

    package var figures: [Figure] = []
    /// Wrong at any time.
    package var violations: [String] = []
    /// Wrong once every saga has ended.
    package var unfinished: [String] = []

    package init() {}

    package subscript(figure name: String) -> Int64? {
        figures.first { $0.name == name }?.value
    }

    /// Nothing is wrong, nor left undone.
    package var isCleanAtRest: Bool { violations.isEmpty && unfinished.isEmpty }

    package mutating func append(_ other: AuditReport) {
        figures += other.figures
        violations += other.violations
        unfinished += other.unfinished
    }
}

/// One thing that must hold: a query for what breaks it.
package struct AuditCheck: Sendable, Hashable {
    /// What must hold, as half a sentence.
    package let name: String
    /// Gives one text for each breach; where sagas may be excepted, with the saga it belongs to.
    package let sql: String

    /// The breaches, as a line for a report.
    func breaches(_ db: Database, excepting sagas: Set<SagaID> = []) throws -> [String] {
        let filter = sagas.isEmpty ? "" : "WHERE saga NOT IN (SELECT value FROM json_each(?))"
        let query = "SELECT CAST(breach AS TEXT) FROM (\(sql)) \(filter) LIMIT 11"
        let found = try String.fetchAll(
            db, cachedSQL: query, arguments: sagas.isEmpty ? [] : [sagas.jsonList])
        let more = found.count > 10 ? [", …"] : []
        guard !found.isEmpty else { return [] }
        return ["it does not hold that \(name): \(found.prefix(10).joined(separator: ", "))\(more.joined())"]
    }
}

extension Set<SagaID> {
    /// For `json_each`.
    var jsonList: String { "[" + map { "\($0.column)" }.joined(separator: ",") + "]" }
}

/// An audit of one service's database: what it counts and what it checks.
package struct ServiceAudit: Sendable {
    package let name: String
    let figures: [(name: String, sql: String)]
    /// What must hold at any time.
    package let always: [AuditCheck]
    /// What must hold once every saga has ended.
    package let atRest: [AuditCheck]

    /// Reads only. Of the excepted sagas anything may be unfinished.
    package func report(_ db: Database, excepting sagas: Set<SagaID> = []) throws -> AuditReport {
        var report = AuditReport()
        for figure in figures {
            let value = try Int64.fetchOne(db, cachedSQL: figure.sql) ?? 0
            report.figures.append(AuditReport.Figure(name: "\(name): \(figure.name)", value: value))
        }
        for check in always { report.violations += try check.breaches(db).map { "\(name): \($0)" } }
        for check in atRest {
            report.unfinished += try check.breaches(db, excepting: sagas).map { "\(name): \($0)" }
        }
        return report
    }
}

extension AuditCheck {
    /// I2: the rows are exactly those whose command the barrier holds as having taken effect.
    static func oneEffectEach(_ type: String, _ rows: String) -> [AuditCheck] {
        [
            AuditCheck(
                name: "each \(type) that took effect is recorded in the barrier",
                sql: """
                    SELECT saga || '/' || step AS breach FROM (\(rows)) AS effect
                    WHERE NOT EXISTS (SELECT 1 FROM barrier WHERE barrier.saga = effect.saga
                        AND barrier.step = effect.step AND type = '\(type)' AND had_effect = 1)
                    """),
            AuditCheck(
                name: "each \(type) recorded in the barrier took effect",
                sql: """
                    SELECT saga || '/' || step AS breach FROM barrier
                    WHERE type = '\(type)' AND had_effect = 1
                        AND NOT EXISTS (SELECT 1 FROM (\(rows)) AS effect WHERE barrier.saga = effect.saga
                            AND barrier.step = effect.step)
                    """),
        ]
    }

    static let noCallUnsettled = AuditCheck(
        name: "every call to the outside is settled",
        sql: "SELECT call_key AS breach, saga FROM barrier WHERE state = 'started'")
}
