import Foundation
import GRDB
import SagaBus
import SagaCore
import SagaYAML
import Testing

@testable import SagaEngine
@testable import SagaStore

/// Where a test keeps its sagas.
enum Storage: CaseIterable, CustomTestStringConvertible {
    case memory
    /// A file that is closed and opened again before every step.
    case file

    var testDescription: String { self == .memory ? "in memory" : "in a file reopened at every step" }
}

/// An engine core with its store, deliveries made by hand, and a clock that moves when told to.
final class Shop {
    static let start = SagaID.epoch.adding(milliseconds: 86_400_000 * 1000)

    /// reserve (stock), charge (bank), then the retriable ship (stock).
    static let definition = define(
        """
        saga: shop
        version: 1
        key: ${input.order}
        deadline: 15m
        events: { started: STARTED, completed: COMPLETED, compensated: COMPENSATED }
        steps:
          - name: reserve
            participant: stock
            action: stock.reserve
            compensation: stock.release
            with: { order: "${input.order}" }
            timeout: 1s
            retry: { attempts: 3, backoff: 100ms, jitter: none }
          - name: charge
            participant: bank
            action: bank.charge
            compensation: bank.refund
            with: { amount: "${input.amount}", place: "${steps.reserve.place}" }
            timeout: 1s
            retry: { attempts: 3, backoff: 100ms, jitter: none }
          - name: ship
            kind: retriable
            participant: stock
            action: stock.ship
            with: { order: "${input.order}" }
            timeout: 1s
            retry: { for: 1h, backoff: 100ms, jitter: none }
        """)

    static func define(_ yaml: String) -> SagaDefinition {
        guard case .success(let definition) = DefinitionFile.parse(yaml, file: "test.yaml") else {
            preconditionFailure("the tests' definitions are good")
        }
        return definition
    }

    private let directory: TemporaryDirectory?
    private(set) var store: SagaStore
    private(set) var core: EngineCore
    let definitions: [SagaDefinition]
    let settings: EngineSettings
    var now = Shop.start
    private var random = SplitMix64(seed: 1)
    private var lastTag: UInt64 = 0
    /// Everything published so far, in order.
    private(set) var published: [OutboxMessage] = []
    private(set) var notices: [EngineNotice] = []

    init(
        _ storage: Storage = .memory, settings: EngineSettings = EngineSettings(),
        definitions: [SagaDefinition] = [Shop.definition]
    ) throws {
        directory = storage == .file ? try TemporaryDirectory() : nil
        store = try directory.map { try SagaStore(path: $0.file("skald.sqlite")) } ?? SagaStore()
        self.settings = settings
        self.definitions = definitions
        core = try EngineCore(store: store, settings: settings, definitions: definitions)
    }

    /// The process is gone and another one opens the file; in memory, only what was remembered is gone.
    func restart(definitions: [SagaDefinition]? = nil) throws {
        let definitions = definitions ?? self.definitions
        if let directory {
            // Both hold the file; it is locked until both are gone.
            let empty = try SagaStore()
            core = try EngineCore(store: empty, settings: settings, definitions: [])
            store = empty
            store = try SagaStore(path: directory.file("skald.sqlite"))
        }
        core = try EngineCore(store: store, settings: settings, definitions: definitions)
    }

    // MARK: Steps

    @discardableResult
    func process(_ deliveries: Delivery..., after: Int64 = 0) throws -> BatchResult {
        try process(deliveries, after: after)
    }

    @discardableResult
    func process(_ deliveries: [Delivery], after milliseconds: Int64 = 0) throws -> BatchResult {
        now = now.adding(milliseconds: milliseconds)
        if directory != nil { try restart() }
        var batch = EngineBatch()
        batch.deliveries = deliveries
        return keep(try core.process(batch, at: now, using: &random))
    }

    /// Lets time pass, then runs what is due.
    @discardableResult
    func wake(after milliseconds: Int64, connectedSince: Timestamp = Shop.start) throws -> BatchResult {
        now = now.adding(milliseconds: milliseconds)
        if directory != nil { try restart() }
        var batch = EngineBatch()
        batch.timersSince = connectedSince
        return keep(try core.process(batch, at: now, using: &random))
    }

    /// The broker has confirmed all that is in the outbox.
    func confirmAll() throws {
        var batch = EngineBatch()
        batch.confirmed = try outbox.map(\.id)
        keep(try core.process(batch, at: now, using: &random))
    }

    /// The broker has confirmed these.
    @discardableResult
    func confirm(_ rows: [OutboxMessage]) throws -> BatchResult {
        for row in rows { core.wasConfirmed(row.id) }
        var batch = EngineBatch()
        batch.confirmed = rows.map(\.id)
        return keep(try core.process(batch, at: now, using: &random))
    }

    /// The broker has said that no queue takes these messages.
    @discardableResult
    func returned(_ rows: [OutboxMessage], with deliveries: Delivery...) throws -> BatchResult {
        for row in rows { core.wasReturned(row.id) }
        var batch = EngineBatch()
        batch.deliveries = deliveries
        batch.returned = core.returned
        return keep(try core.process(batch, at: now, using: &random))
    }

    func suspect(_ delivery: Delivery) throws -> BatchResult {
        keep(try core.processSuspect(delivery, at: now, using: &random))
    }

    @discardableResult
    private func keep(_ result: BatchResult) -> BatchResult {
        published += result.outgoing
        notices += result.notices
        return result
    }

    // MARK: Messages in

    func delivery(_ consumer: ConsumerID, _ message: Message, isRedelivered: Bool = false) -> Delivery {
        lastTag += 1
        return Delivery(
            consumer: consumer, tag: DeliveryTag(epoch: 1, number: lastTag), isRedelivered: isRedelivered,
            message: message)
    }

    func start(
        _ order: JSONValue = "4711", amount: JSONValue = 100, id: String = "request", definition: String = "shop",
        version: Int? = nil, again: SagaID? = nil, replyTo: String? = "caller", traceparent: String? = nil
    ) -> Delivery {
        delivery(
            .starts,
            StartRequest(
                requestID: id, definition: definition, version: version, again: again, replyTo: replyTo,
                traceparent: traceparent, input: ["order": order, "amount": amount]
            ).message(shard: 0))
    }

    func reply(
        _ saga: SagaID, _ step: String, _ outcome: Outcome, _ body: JSONValue = ["place": "A1"], attempt: Int = 1,
        kind: CommandID.Kind = .action, round: Int = 1
    ) -> Delivery {
        delivery(
            .replies,
            Reply(
                command: CommandID(saga: saga, step: step, kind: kind, round: round), outcome: outcome,
                attempt: attempt, body: body
            ).message(to: "skald.replies.0"))
    }

    func request(
        _ verb: String, _ body: JSONObject, id: String = "op", replyTo: String? = "operator"
    ) -> Delivery {
        delivery(
            .operatorRequests,
            OperatorMessage(requestID: id, verb: verb, replyTo: replyTo, body: body)
                .message(shard: 0, expirationMilliseconds: 1000))
    }

    func request(_ verb: String, of saga: SagaID, _ more: JSONObject = [:], id: String = "op") -> Delivery {
        request(
            verb, JSONObject([("saga", .string(saga.description))] + more.members.map { ($0.key, $0.value) }), id: id)
    }

    /// Starts a saga whose first command has left.
    func started(_ order: JSONValue = "4711") throws -> SagaID {
        let result = try process(start(order, id: "start-\(order)"))
        try confirmAll()
        return try #require(result.outgoing.lazy.compactMap(\.command).first?.saga)
    }

    // MARK: What is there

    var outbox: [OutboxMessage] {
        get throws { try store.read { try $0.outbox().map(OutboxMessage.init) } }
    }

    /// What a shell would be given to publish after a start.
    func unpublished() throws -> [OutboxMessage] { try outbox.filter { core.held.participant(of: $0.id) == nil } }

    /// Commands in the outbox, as text.
    var commands: [String] {
        get throws { try outbox.compactMap(\.command).map { "\($0.step)/\($0.kind.rawValue)/\($0.round)" } }
    }

    func state(_ saga: SagaID) throws -> SagaState {
        try #require(try store.read { try $0.state(of: saga) })
    }

    func deadLetters() throws -> [StoredDeadLetter] {
        try store.read { try $0.deadLetters(includingSettled: true, limit: 100) }
    }

    /// What the file holds, to compare before and after.
    func contents() throws -> [String] {
        try store.read { transaction in
            try [
                "sagas", "history", "keys", "pruned", "outbox", "dead_letters", "request_answers", "definitions",
            ].flatMap {
                table in
                try Row.fetchAll(transaction.db, sql: "SELECT * FROM \(table) ORDER BY 1, 2, 3").map {
                    "\(table) \($0)"
                }
            }
        }
    }

    /// Changes the file behind the engine's back.
    func tamper(_ sql: String) throws {
        try store.write { try $0.db.execute(sql: sql) }
    }

    /// Nothing further fits into the file than what its free pages take.
    func fillDisk() throws {
        try store.write { transaction in
            let pages = try Int.fetchOne(transaction.db, sql: "PRAGMA page_count") ?? 0
            try transaction.db.execute(sql: "PRAGMA max_page_count = \(pages)")
        }
    }

    func freeDisk() throws { try tamper("PRAGMA max_page_count = 1000000") }
}

extension BatchResult {
    func answers() throws -> [Answer] {
        try outgoing.filter { $0.exchange.isEmpty }.map { row in
            let properties = row.message.properties
            return Answer(
                kind: try #require(Answer.Kind(rawValue: properties.type ?? "")),
                requestID: properties.correlationID ?? "", body: try #require(try JSONValue.parse(row.body).object))
        }
    }

    func commands() throws -> [Command] {
        try outgoing.filter { $0.command != nil }.map { try Command.decode($0.message) }
    }

    func events() throws -> [JSONValue] {
        try outgoing.filter { $0.exchange == SkaldNames.events }.map { try JSONValue.parse($0.body) }
    }
}

/// A directory that goes with this value.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("skald-\(UUID().uuidString)")
        path = url.path
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}
