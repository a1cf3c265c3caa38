import DurableSQLite
import Foundation
import GRDB
import SagaCore
import SagaStore
import Testing

@testable import skald

/// What a run has left is tampered with: the check that must notice does.
@Suite("I1 to I7: the checks at the end of skald chaos")
struct InvariantChecksTests {
    private let tool: CommandLineTool
    private var directory: String { tool.directory + "/shop" }

    init() async throws {
        tool = try CommandLineTool()
        #expect(try await tool.run("demo", "--orders", "60", "--data-dir", "shop").code == 0)
    }

    private func read<Result>(_ body: (StoreView) throws -> Result) throws -> Result {
        try SagaStoreReader(path: directory + "/skald.sqlite").read(body)
    }

    private func sagas(_ status: SagaStatus? = nil) throws -> [SagaSummary] {
        var filter = SagaFilter()
        filter.limit = 100
        if let status { filter.statuses = [status] }
        return try read { try $0.sagas(filter) }
    }

    /// As a caller who has been told of every saga.
    private func tally() throws -> OrderFeeder.Tally {
        var tally = OrderFeeder.Tally()
        for saga in try sagas() {
            tally.accepted[OrderFeeder.Key(definition: saga.name, key: saga.key)] = saga.id
        }
        return tally
    }

    private func rules(
        _ tally: OrderFeeder.Tally? = nil, pasts: [SagaID: SystemSampler.Past] = [:], queues: [String: Int]? = [:]
    ) throws -> Set<String> {
        var checks = try InvariantChecks(directory: directory, feeder: try tally ?? self.tally(), pasts: pasts)
        try checks.run(queues: queues)
        return Set(checks.violations.map(\.rule))
    }

    private func tamper(_ file: String, _ sql: String) async throws {
        let database = try DatabaseQueue(path: "\(directory)/\(file).sqlite")
        try await database.write { try $0.execute(sql: sql) }
        try database.close()
    }

    @Test func nothingIsFoundWhereNothingIsWrong() throws {
        #expect(try rules() == [])
        #expect(try rules(queues: ["skald.answers.x": 3]) == [])
    }

    @Test("I1: a saga accepted and missing, accepted twice, not ended, or unknown to the caller")
    func starts() async throws {
        let tally = try tally()
        var missing = tally
        missing.accepted[OrderFeeder.Key(definition: "place-order", key: "x")] = SagaID(rawValue: 1 << 30)
        #expect(try rules(missing) == ["I1"])
        var unknown = tally
        unknown.accepted.removeValue(forKey: try #require(tally.accepted.keys.first))
        #expect(try rules(unknown) == ["I1"])
        var other = tally
        other.accepted[try #require(tally.accepted.keys.first)] = SagaID(rawValue: 1 << 30)
        #expect(try rules(other) == ["I1"])
        var unanswered = tally
        unanswered.unanswered = 1
        #expect(try rules(unanswered) == ["I1"])
        try await tamper(
            "skald", "UPDATE sagas SET status = 'running', ended_at = NULL WHERE id = (SELECT min(id) FROM sagas)")
        #expect(try rules().contains("I1"))
    }

    @Test("I2: an effect that the barrier does not know") func effects() async throws {
        try await tamper(
            "payment", "DELETE FROM barrier WHERE saga = (SELECT saga FROM capture LIMIT 1)")
        #expect(try rules().isSuperset(of: ["I2", "I4"]))
    }

    @Test("I3: a cent too much") func money() async throws {
        try await tamper("gateway", "UPDATE authorization SET amount = amount + 1 WHERE id = 'auth_1'")
        #expect(try rules() == ["I3"])
    }

    @Test("I4: an action of a compensated saga that was not undone, one of a completed saga that was")
    func undone() async throws {
        let compensated = try #require(
            try sagas(.compensated).first { saga in
                try read { try $0.state(of: saga.id)?.steps[0].status == .compensated } == true
            })
        try await tamper(
            "inventory",
            """
            DROP TRIGGER barrier_final;
            UPDATE barrier SET had_effect = 0
            WHERE saga = \(compensated.id.column) AND step = 'reserve-stock' AND kind = 'compensation'
            """)
        #expect(try rules() == ["I4"])
        let completed = try #require(try sagas(.completed).first)
        try await tamper(
            "ledger",
            """
            INSERT INTO barrier (saga, step, kind, round, state, type, result, had_effect, created_at, changed_at)
            VALUES (\(completed.id.column), 'record-order', 'compensation', 1, 'succeeded', 'x', '{}', 1, 1, 1)
            """)
        #expect(try rules() == ["I4", "I7"])
    }

    @Test("I5: a past that is not what it was, an end that changed, an index row that lies, a saga that is gone")
    func past() async throws {
        let saga = try #require(try sagas(.completed).first)
        let history = try read { transaction in
            try transaction.history(of: saga.id, definition: try #require(try transaction.definition(of: saga.id)))
        }
        func past(_ status: SagaStatus, _ history: [HistoryEntry]) -> [SagaID: SystemSampler.Past] {
            [saga.id: SystemSampler.Past(status: status, history: history)]
        }
        #expect(try rules(pasts: past(.completed, history)) == [])
        #expect(try rules(pasts: past(.running, Array(history.prefix(2)))) == [])
        #expect(try rules(pasts: past(.running, Array(history.reversed()))) == ["I5"])
        #expect(try rules(pasts: past(.compensated, history)) == ["I5"])
        let gone = [SagaID(rawValue: 1 << 30): SystemSampler.Past(status: .running, history: [])]
        #expect(try rules(pasts: gone) == ["I5"])
        try await tamper("skald", "UPDATE sagas SET sequence = sequence + 1 WHERE id = \(saga.id.column)")
        #expect(try rules() == ["I5"])
    }

    @Test("I6: a message in a queue, a dead letter, a broker that does not say") func rest() async throws {
        #expect(try rules(queues: ["payment.commands": 1]) == ["I6"])
        #expect(try rules(queues: nil) == ["I6"])
        try await tamper(
            "skald",
            """
            INSERT INTO dead_letters (at, reason, detail, exchange, routing_key, properties, body)
            VALUES (1, 'INTERNAL', '', '', '', '{}', x'00')
            """)
        #expect(try rules() == ["I6"])
    }

    @Test("I7: a service knows a command that was never committed") func unsent() async throws {
        let saga = try #require(try sagas(.completed).first)
        func insert(_ saga: SagaID, round: Int) -> String {
            """
            INSERT INTO barrier (saga, step, kind, round, state, type, result, had_effect, created_at, changed_at)
            VALUES (\(saga.column), 'settle-order', 'action', \(round), 'failed', 'x', '{}', 0, 1, 1)
            """
        }
        try await tamper("ledger", insert(saga.id, round: 2))
        #expect(try rules() == ["I7"])
        try await tamper(
            "ledger", "DELETE FROM barrier WHERE round = 2; " + insert(SagaID(rawValue: 1 << 30), round: 1))
        #expect(try rules() == ["I7"])
    }
}
