import DurableSQLite
import GRDB
import SagaCore
import Synchronization

/// A gateway that behaves like a card processor, with a database of its own.
///
/// It keeps each key's parameters and answer: the same key again gets the same answer, the same key with other
/// parameters is an error. Timeouts are told at once, so that nothing waits for them.
package final class TestGateway: PaymentGateway {
    package let database: DurableDatabase
    /// Taken by nobody yet.
    private let waiting = Mutex<[Call]>([])
    var waitingCalls: Int { waiting.withLock { $0.count } }

    /// - Parameter path: nil for one that lives in memory.
    package init(path: String?) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("gateway 1", foreignKeyChecks: .immediate) { db in
            try db.execute(sql: Self.tables)
        }
        database =
            if let path { try DurableDatabase(path: path, program: "gateway", migrator: migrator) } else {
                try DurableDatabase(inMemory: migrator)
            }
    }

    /// Calls that come at the same time share a commit; each is answered after it.
    package func perform(_ request: GatewayRequest, key: String) -> GatewayAnswer {
        let call = Call(request, key: key)
        waiting.withLock { $0.append(call) }
        // Whoever gets the connection works off what all have left by then.
        return database.queue.unsafeReentrantWrite { db in
            let calls = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            Self.perform(calls, db)
            return call.answer
        }
    }

    /// A request on its way. Its answer is written and read by those who have the connection.
    private final class Call: @unchecked Sendable {
        let request: GatewayRequest
        let key: String
        var answer = GatewayAnswer.unanswered("the gateway is out of order")

        init(_ request: GatewayRequest, key: String) {
            self.request = request
            self.key = key
        }
    }

    /// In one transaction; if that fails each gets one of its own, so that only the one to blame has no answer.
    private static func perform(_ calls: [Call], _ db: Database) {
        guard !calls.isEmpty else { return }
        do {
            let answers = try db.inCachedTransaction { try calls.map { try perform($0.request, $0.key, db) } }
            for (call, answer) in zip(calls, answers) { call.answer = answer }
        } catch {
            guard calls.count == 1 else {
                for call in calls { perform([call], db) }
                return
            }
            calls[0].answer = .unanswered("the gateway is out of order: \(error)")
        }
    }

    private static func perform(_ request: GatewayRequest, _ key: String, _ db: Database) throws -> GatewayAnswer {
        let parameters = String(decoding: JSONValue.object(request.json).canonical, as: UTF8.self)
        try db.run(
            "INSERT OR IGNORE INTO request (key, parameters, operation) VALUES (?, ?, ?)", key, parameters,
            request.operation.rawValue)
        try db.run("UPDATE request SET calls = calls + 1 WHERE key = ?", key)
        let found = try db.firstRow("SELECT rowid, parameters, calls, answer FROM request WHERE key = ?", key) {
            (number: $0.int(0), parameters: $0.text(1), calls: $0.int(2), answer: $0.textIfAny(3))
        }
        guard let found else { return .unanswered("the request is lost") }
        guard found.parameters == parameters else {
            return .refused(code: GatewayAnswer.keyReused, message: "this key came with other parameters before")
        }
        if let text = found.answer {
            return try GatewayAnswer(JSONValue.parse(text)) ?? .unanswered("the answer is lost")
        }
        let calls = found.calls
        let order = try orderAndToken(of: request, db)
        switch TestCard(rawValue: order.token)?.behaviour(in: request.operation) {
        case nil:
            return try answer(.refused(code: "TOKEN_UNKNOWN", message: "no such card token"), key, order.id, db)
        case .approves:
            return try answer(approve(request, found.number, order.token, db), key, order.id, db)
        case .refuses(let code):
            return try answer(.refused(code: code, message: "the bank says no"), key, order.id, db)
        case .refusesFirst(let code):
            let earlier = try db.firstRow(
                "SELECT 1 FROM request WHERE operation = ? AND order_id = ?", request.operation.rawValue, order.id
            ) { $0.int(0) }
            if earlier == nil {
                return try answer(.refused(code: code, message: "the bank says no"), key, order.id, db)
            }
            return try answer(approve(request, found.number, order.token, db), key, order.id, db)
        case .timesOutBefore:
            if calls == 1 { return .unanswered("timed out") }
            return try answer(approve(request, found.number, order.token, db), key, order.id, db)
        case .timesOutAfter:
            _ = try answer(approve(request, found.number, order.token, db), key, order.id, db)
            return .unanswered("timed out")
        case .timesOutThenRefuses(let code):
            if calls == 1 { return .unanswered("timed out") }
            return try answer(.refused(code: code, message: "the bank says no"), key, order.id, db)
        case .findsExpired:
            if case .capture(let authorization, _) = request {
                try db.run("UPDATE authorization SET state = 'expired' WHERE id = ?", authorization)
            }
            return try answer(approve(request, found.number, order.token, db), key, order.id, db)
        }
    }

    private static func answer(
        _ answer: GatewayAnswer, _ key: String, _ orderID: String, _ db: Database
    ) throws -> GatewayAnswer {
        try db.run("UPDATE request SET answer = ?, order_id = ? WHERE key = ?", answer.json?.text, orderID, key)
        return answer
    }
}

extension TestGateway {
    static let tables = """
        CREATE TABLE request (
            key TEXT PRIMARY KEY,
            operation TEXT NOT NULL CHECK (operation IN ('authorize', 'capture', 'void', 'refund')),
            parameters TEXT NOT NULL,
            calls INTEGER NOT NULL DEFAULT 0 CHECK (calls >= 0),
            order_id TEXT,
            answer TEXT
        ) STRICT;
        CREATE INDEX request_by_order ON request (order_id);

        CREATE TABLE authorization (
            id TEXT PRIMARY KEY,
            order_id TEXT NOT NULL,
            token TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount > 0),
            currency TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('authorized', 'captured', 'voided', 'expired'))
        ) STRICT;

        CREATE TABLE capture (
            id TEXT PRIMARY KEY,
            authorization TEXT NOT NULL UNIQUE REFERENCES authorization (id),
            amount INTEGER NOT NULL CHECK (amount > 0),
            refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND amount)
        ) STRICT;
        """
}
