import DurableSQLite
import GRDB
import SagaCore

extension Barrier {
    /// Every call that is not settled, oldest first.
    func startedCalls(limit: Int) throws -> [StartedCall] {
        let steps = try Row.fetchAll(
            database,
            sql: "SELECT saga, step FROM barrier WHERE state = 'started' ORDER BY created_at LIMIT ?",
            arguments: [limit])
        return try steps.compactMap { row in
            let saga = SagaID(column: row[0])
            return try facts(of: CommandID(saga: saga, step: row[1], kind: .action, round: 1)).started
        }
    }

    /// Removes what is older than 30 days, except calls that are not settled. From then on commands of sagas of that
    /// age are refused, also should the clock go back.
    @discardableResult
    func prune(now: Timestamp) throws -> Int {
        let keeping = PlantedBug.forgetsEarly.isPlanted ? Self.keepingMilliseconds / 4 : Self.keepingMilliseconds
        let horizon = now.milliseconds - keeping
        guard horizon > 0 else { return 0 }
        let oldest = SagaID.first(at: Timestamp(milliseconds: horizon)).column
        try database.execute(
            sql: """
                DELETE FROM barrier WHERE saga < ? AND changed_at < ? AND state <> 'started'
                    AND (saga, step) NOT IN (SELECT saga, step FROM barrier WHERE state = 'started')
                """,
            arguments: [oldest, horizon])
        let count = database.changesCount
        if count > 0 {
            try database.execute(
                sql: "UPDATE barrier_horizon SET time = max(time, ?) WHERE id = 1", arguments: [horizon])
        }
        return count
    }
}

extension SagaID {
    /// No saga begun at or after this time has a smaller id.
    static func first(at time: Timestamp) -> SagaID {
        let milliseconds = min(max(0, time - epoch), Self.milliseconds.upperBound - 1)
        return SagaID(milliseconds: milliseconds, shard: 0, sequence: 0)
    }
}
