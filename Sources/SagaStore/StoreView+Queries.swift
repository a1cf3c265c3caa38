import DurableSQLite
import GRDB
import SagaCore

/// A saga as a list shows it.
package struct SagaSummary: Sendable, Hashable {
    package let id: SagaID
    package let name: String
    package let version: Int
    package let key: String
    package let status: SagaStatus
    package let isPaused: Bool
    /// The steps that are out or stuck.
    package let steps: [String]
    package let rollback: String?
    package let errorCode: String?
    package let errorMessage: String?
    package let sequence: Int
    package let startedAt: Timestamp
    package let updatedAt: Timestamp
    package let endedAt: Timestamp?
}

extension SagaSummary {
    /// As the index has it.
    package init(_ state: SagaState) {
        self.init(
            id: state.id, name: state.definition.name, version: state.definition.version, key: state.key,
            status: state.status, isPaused: state.isPaused,
            steps: state.currentSteps.map { state.definition.steps[$0].name },
            rollback: state.rollback?.reason.rawValue, errorCode: state.lastError?.code,
            errorMessage: state.lastError?.message, sequence: state.sequence, startedAt: state.startedAt,
            updatedAt: state.updatedAt, endedAt: state.endedAt)
    }
}

/// Which sagas to list. Every condition that is set must hold.
package struct SagaFilter: Sendable {
    package var statuses: [SagaStatus] = []
    package var isPaused: Bool?
    package var definition: String?
    package var startedBefore: Timestamp?
    package var startedAfter: Timestamp?
    package var step: String?
    package var errorCode: String?
    package var key: String?
    /// Only sagas older than this one, for paging.
    package var before: SagaID?
    package var limit = 50

    package init() {}
}

extension StoreView {
    /// Newest first.
    package func sagas(_ filter: SagaFilter) throws -> [SagaSummary] {
        var conditions: [String] = []
        var arguments: StatementArguments = []
        func add(_ condition: String, _ values: StatementArguments) {
            conditions.append(condition)
            arguments += values
        }
        if !filter.statuses.isEmpty {
            let marks = Array(repeating: "?", count: filter.statuses.count).joined(separator: ", ")
            add("status IN (\(marks))", StatementArguments(filter.statuses.map(\.rawValue)))
            if !filter.statuses.contains(where: \.isTerminal) { conditions.append("ended_at IS NULL") }
        }
        if let isPaused = filter.isPaused { add("is_paused = ?", [isPaused]) }
        if let name = filter.definition { add("name = ?", [name]) }
        if let time = filter.startedBefore { add("started_at < ?", [time.milliseconds]) }
        if let time = filter.startedAfter { add("started_at > ?", [time.milliseconds]) }
        if let step = filter.step { add("instr(',' || steps || ',', ?) > 0", [",\(step),"]) }
        if let code = filter.errorCode { add("error_code = ?", [code]) }
        if let key = filter.key { add("id IN (SELECT saga FROM keys WHERE key = ?)", [key]) }
        if let id = filter.before { add("id < ?", [id.column]) }
        let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        arguments += [filter.limit]
        return try Row.fetchAll(
            db, cachedSQL: "SELECT * FROM sagas \(condition) ORDER BY id DESC LIMIT ?", arguments: arguments
        ).map(Self.summary)
    }

    package func summary(of id: SagaID) throws -> SagaSummary? {
        try Row.fetchOne(db, cachedSQL: "SELECT * FROM sagas WHERE id = ?", arguments: [id.column]).map(Self.summary)
    }

    /// All sagas with this business key, newest first.
    package func sagas(withKey key: String, definition: String? = nil) throws -> [SagaID] {
        try Int64.fetchAll(
            db, cachedSQL: "SELECT saga FROM keys WHERE key = ? AND (? IS NULL OR name = ?) ORDER BY saga DESC",
            arguments: [key, definition, definition]
        ).map { SagaID(column: $0) }
    }

    package func countByStatus() throws -> [SagaStatus: Int] {
        var counts: [SagaStatus: Int] = [:]
        for row in try Row.fetchAll(db, cachedSQL: "SELECT status, count(*) AS n FROM sagas GROUP BY status") {
            if let status = SagaStatus(rawValue: row["status"]) { counts[status] = row["n"] }
        }
        return counts
    }

    /// How often each reason sent a saga backward, most frequent first.
    package func countByRollback() throws -> [(reason: String, code: String?, count: Int)] {
        try Row.fetchAll(
            db,
            cachedSQL: """
                SELECT rollback, error_code, count(*) AS n FROM sagas WHERE rollback IS NOT NULL
                GROUP BY rollback, error_code ORDER BY n DESC, rollback, error_code
                """
        ).map { ($0["rollback"], $0["error_code"], $0["n"]) }
    }

    /// Nor has had any.
    package func hasNoSagas() throws -> Bool {
        try Int.fetchOne(db, cachedSQL: "SELECT 1 FROM keys LIMIT 1") == nil
    }

    /// Whether the events of a row of `history` hold an operator's word on what became of a step.
    static var holdsWordOfOperator: String {
        #"events LIKE '%"event":"resolved"%'"#
    }

    /// Sagas with a step of which an operator said what became of it, or that an operator passed over; also those that
    /// have been pruned.
    package func sagasSettledByOperators() throws -> Set<SagaID> {
        let found = try Int64.fetchAll(
            db, cachedSQL: "SELECT DISTINCT saga FROM history WHERE \(Self.holdsWordOfOperator)")
        guard try db.tableExists("pruned") else { return Set(found.map { SagaID(column: $0) }) }
        let pruned = try Int64.fetchAll(db, cachedSQL: "SELECT id FROM pruned WHERE is_settled_by_operator")
        return Set((found + pruned).map { SagaID(column: $0) })
    }

    package func openSagaCount() throws -> Int {
        try Int.fetchOne(db, cachedSQL: "SELECT count(*) FROM sagas WHERE ended_at IS NULL") ?? 0
    }

    private static func summary(_ row: Row) throws -> SagaSummary {
        guard let status = SagaStatus(rawValue: row["status"]) else {
            throw Refusal.unknownStatus
        }
        let steps: String = row["steps"]
        return SagaSummary(
            id: SagaID(column: row["id"]), name: row["name"], version: row["version"], key: row["key"], status: status,
            isPaused: row["is_paused"], steps: steps.isEmpty ? [] : steps.split(separator: ",").map(String.init),
            rollback: row["rollback"], errorCode: row["error_code"], errorMessage: row["error_message"],
            sequence: row["sequence"], startedAt: Timestamp(milliseconds: row["started_at"]),
            updatedAt: Timestamp(milliseconds: row["updated_at"]),
            endedAt: (row["ended_at"] as Int64?).map { Timestamp(milliseconds: $0) })
    }
}

extension Refusal {
    static var unknownStatus: Refusal {
        Refusal(code: .internal, path: "status", message: "the index holds a status this version lacks")
    }
}
