import DurableSQLite
import GRDB
import SagaBus
import SagaCore

/// What participants keep of sagas that were before the simulation began, and what still comes of them (rule 19):
/// records are kept for 30 days and longer than any open saga, and a command older than that is refused.
enum OldRecords {
    static let step = "old"
    /// The code that the records hold.
    static let code = "OLD"
    /// Its record is old as well, and goes.
    private static let forgotten = saga(daysAgo: 40, number: 1)
    /// Its record has changed since, and stays.
    private static let kept = saga(daysAgo: 40, number: 2)
    private static let recent = saga(daysAgo: 10, number: 3)
    /// Nothing was ever known of it.
    private static let expired = saga(daysAgo: 35, number: 4)
    private static let day: Int64 = 86_400_000

    private static func saga(daysAgo days: Int64, number: Int) -> SagaID {
        SagaID(milliseconds: VirtualTime.origin - SagaID.epoch - days * day, shard: 0, sequence: number)
    }

    static func lay(in queue: DatabaseQueue) throws {
        try queue.write { db in
            for (saga, days) in [(forgotten, 40), (kept, 10), (recent, 10)] as [(SagaID, Int64)] {
                let time = VirtualTime.origin.adding(milliseconds: -days * day).milliseconds
                try db.execute(
                    sql: """
                        INSERT INTO barrier (saga, step, kind, round, state, type, result, created_at, changed_at)
                        VALUES (?, ?, 'action', 1, 'failed', 'old.thing', '{"code":"\(code)","message":""}', ?, ?)
                        """, arguments: [saga.column, step, time, time])
            }
        }
    }

    /// Commands that come from then, for this participant.
    static func commands(for participant: String, _ type: String) -> [Message] {
        [
            (expired, "new", CommandID.Kind.action, type), (expired, "undone", .compensation, type),
            (kept, step, .action, type),
        ]
        .map { saga, step, kind, type in
            Command(
                id: CommandID(saga: saga, step: step, kind: kind, round: 1), type: type, attempt: 1,
                participant: participant, replyTo: "nobody",
                body: ["orderId": "1", "amount": 1, "lines": [["sku": "0", "quantity": 1]]]
            ).message()
        }
    }

    /// Whether a participant knows nothing of this command's saga and must refuse it.
    static func isExpired(_ id: CommandID) -> Bool { id.saga == expired }

    static func isOld(_ id: CommandID) -> Bool { id.saga < recent || id.saga == recent }

    /// - Parameter horizon: of the participant, in milliseconds since 1970.
    static func violations(_ name: String, _ barrier: BarrierRows, horizon: Int64) -> [String] {
        func has(_ saga: SagaID) -> Bool { !barrier.rows(BarrierRows.Place(saga: saga, step: step), .action).isEmpty }
        var violations: [String] = []
        if has(forgotten) { violations.append("rule 19: \(name) keeps what is older than 30 days") }
        if !has(kept) || !has(recent) { violations.append("rule 19: \(name) has not kept its records for 30 days") }
        if horizon < VirtualTime.origin.milliseconds - 31 * day || horizon > VirtualTime.origin.milliseconds - 11 * day
        {
            violations.append("rule 19: \(name) does not know how far back its records go")
        }
        return violations
    }
}
