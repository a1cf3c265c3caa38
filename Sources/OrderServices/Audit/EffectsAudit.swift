import DurableSQLite
import GRDB
import SagaCore

/// What the services' barriers hold of one step: whose command arrived, and what took effect.
package struct StepEffects: Sendable, Hashable {
    package var actionTookEffect = false
    package var compensationTookEffect = false
    /// Rounds of which a command arrived.
    package var rounds: [CommandID.Kind: Set<Int>] = [:]
    /// Closed by a compensation that came first, or by a fence.
    package var isClosed = false
    /// A call to the outside is not settled.
    package var isUnsettled = false

    package init() {}
}

/// Reads the barriers of all order services, saga by saga and step by step, to compare them with what the orchestrator
/// has committed (I4, I7).
package struct EffectsAudit: Sendable {
    private let services: [(name: String, database: any DatabaseReader)]

    /// Of the services' files in a directory, read-only, while anyone may be running on them.
    package init(reading directory: String) throws {
        services = try OrderService.allCases.map {
            ($0.rawValue, try DurableDatabase.reading(path: $0.path(in: directory)))
        }
    }

    package func effects() throws -> [SagaID: [String: StepEffects]] {
        var effects: [SagaID: [String: StepEffects]] = [:]
        for service in services { try service.database.read { try Self.add($0, to: &effects) } }
        return effects
    }

    private static func add(_ db: Database, to effects: inout [SagaID: [String: StepEffects]]) throws {
        let rows = try Row.fetchCursor(db, sql: "SELECT saga, step, kind, round, state, had_effect FROM barrier")
        while let row = try rows.next() {
            guard let kind = CommandID.Kind(rawValue: row[2]) else { continue }
            let (round, state, hadEffect): (Int, String, Bool) = (row[3], row[4], row[5])
            var step = effects[SagaID(column: row[0]), default: [:]][row[1], default: StepEffects()]
            switch kind {
            case .action: step.actionTookEffect = step.actionTookEffect || hadEffect
            case .compensation: step.compensationTookEffect = step.compensationTookEffect || hadEffect
            case .fence: break
            }
            if round > 0 { step.rounds[kind, default: []].insert(round) }
            if state == "closed" { step.isClosed = true }
            if state == "started" { step.isUnsettled = true }
            effects[SagaID(column: row[0]), default: [:]][row[1]] = step
        }
    }

    /// SQLite's own check of every file: empty if all are sound.
    package func integrityProblems() throws -> [String] {
        try services.flatMap { service in
            try service.database.read { db in
                try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" }.map {
                    "\(service.name): \($0)"
                }
            }
        }
    }
}
