import DurableSQLite
import GRDB
import SagaCore

extension Barrier {
    /// Every call that is not settled, oldest first.
    func startedCalls(limit: Int) throws -> [StartedCall] {
        var steps: [CommandID] = []
        try database.eachRow(
            "SELECT saga, step FROM barrier WHERE state = 'started' ORDER BY created_at LIMIT ?", limit
        ) { steps.append(CommandID(saga: SagaID(column: $0.int64(0)), step: $0.text(1), kind: .action, round: 1)) }
        return try steps.compactMap { try facts(of: $0).started }
    }

    /// Removes what is older than 30 days, except calls that are not settled. From then on commands of sagas of that
    /// age are refused, also should the clock go back.
    @discardableResult
    func prune(now: Timestamp) throws -> Int {
        let keeping = PlantedBug.forgetsEarly.isPlanted ? Self.keepingMilliseconds / 4 : Self.keepingMilliseconds
        let horizon = now.milliseconds - keeping
        guard horizon > 0 else { return 0 }
        let oldest = SagaID.first(at: Timestamp(milliseconds: horizon)).column
        try database.run(
            """
            DELETE FROM barrier WHERE saga < ? AND changed_at < ? AND state <> 'started'
                AND (saga, step) NOT IN (SELECT saga, step FROM barrier WHERE state = 'started')
            """, oldest, horizon)
        let count = database.changesCount
        if count > 0 {
            try database.run("UPDATE barrier_horizon SET time = max(time, ?) WHERE id = 1", horizon)
        }
        return count
    }
}
