import DurableSQLite
import GRDB
import SagaBus
import SagaCore
import Synchronization
import Testing

@testable import OrderServices

@Suite("Calls that reach the gateway together")
struct GatewayCrowdTests {
    /// What the database has committed.
    private final class Commits: TransactionObserver {
        var count = 0
        func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
        func databaseDidChange(with event: DatabaseEvent) {}
        func databaseDidCommit(_ db: Database) { count += 1 }
        func databaseDidRollback(_ db: Database) {}
    }

    /// Makes all calls while the connection is taken, and gives their answers and the commits they took.
    private static func ask(
        _ gateway: TestGateway, _ calls: [(request: GatewayRequest, key: String)]
    ) async throws -> (answers: [GatewayAnswer], commits: Int) {
        try await runOnDedicatedThread {
            let commits = Commits()
            let queue = gateway.database.queue
            queue.add(transactionObserver: commits)
            let pool = ThreadPool()
            defer { pool.end() }
            let answers = Mutex([Int: GatewayAnswer]())
            let mailbox = BusMailbox()
            queue.unsafeReentrantWrite { _ in
                for (index, call) in calls.enumerated() {
                    pool.run {
                        let answer = gateway.perform(call.request, key: call.key)
                        let count = answers.withLock { answers in
                            answers[index] = answer
                            return answers.count
                        }
                        if count == calls.count { mailbox.wake() }
                    }
                }
                while gateway.waitingCalls < calls.count { _ = mailbox.receive(waitingAtMost: .milliseconds(1)) }
            }
            _ = mailbox.receive(waitingAtMost: nil)
            return (calls.indices.compactMap { index in answers.withLock { $0[index] } }, commits.count)
        }
    }

    private static func authorize(_ order: Int) throws -> GatewayRequest {
        let euro = try #require(Currency(code: "EUR"))
        return .authorize(orderID: "\(order)", Money(minorUnits: 5, currency: euro), token: "tok_visa")
    }

    @Test("share one commit, and each has its own answer; the same key twice has the same")
    func together() async throws {
        let gateway = try TestGateway(path: nil)
        let calls = try (0..<20).map { (try Self.authorize($0 % 19), "key-\($0 % 19)") }
        let (answers, commits) = try await Self.ask(gateway, calls)
        #expect(commits == 1)
        #expect(answers[0] == answers[19])
        #expect(Set(answers).count == 19)
        #expect(answers.allSatisfy { if case .approved = $0 { true } else { false } })
    }

    @Test("one that the database refuses leaves the others their answers")
    func oneIsToBlame() async throws {
        let gateway = try TestGateway(path: nil)
        try await gateway.database.queue.write { db in
            try db.execute(
                sql: """
                    CREATE TRIGGER planted BEFORE INSERT ON authorization WHEN NEW.order_id = '3'
                    BEGIN SELECT RAISE(ABORT, 'planted'); END
                    """)
        }
        let (answers, _) = try await Self.ask(gateway, try (0..<8).map { (try Self.authorize($0), "key-\($0)") })
        for (order, answer) in answers.enumerated() {
            switch answer {
            case .approved: #expect(order != 3)
            case .unanswered: #expect(order == 3)
            case .refused: Issue.record("order \(order) is refused")
            }
        }
        let kept = try await gateway.database.queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM request") }
        #expect(kept == 7)
    }
}
