import GRDB
import SagaBus
import SagaCore
import SagaParticipant
import Testing

@testable import OrderServices

/// The three services, driven by hand: each command is executed at once, calls to the gateway included.
final class Shop {
    static let start = SagaID.epoch.adding(milliseconds: 86_400_000 * 200)

    private let directory: String?
    private(set) var services: [OrderService: OpenOrderService] = [:]
    private var cores: [OrderService: ParticipantCore] = [:]
    private var ids = SagaIDGenerator(shard: 0)
    var now = Shop.start

    /// - Parameter directory: nil for databases in memory.
    init(in directory: String? = nil) throws {
        self.directory = directory
        for kind in OrderService.allCases {
            let service = try kind.open(directory: directory)
            services[kind] = service
            cores[kind] = service.core()
        }
    }

    subscript(kind: OrderService) -> OpenOrderService {
        get throws { try #require(services[kind]) }
    }

    func newSaga() -> SagaID { ids.next(at: now) }

    /// The service's process is gone and another one opens its files.
    func crash(_ kind: OrderService) throws {
        services[kind] = nil
        cores[kind] = nil
        let service = try kind.open(directory: directory)
        services[kind] = service
        cores[kind] = service.core()
    }

    func receive(_ stock: String) throws {
        try self[.inventory].database.queue.write { db in _ = try Inventory.receive(stock, into: db, now: now) }
    }

    // MARK: - Commands

    @discardableResult
    func action(
        _ type: String, _ body: JSONValue, saga: SagaID, step: String? = nil, round: Int = 1, attempt: Int = 1
    ) throws -> Reply {
        let id = CommandID(saga: saga, step: step ?? Self.stepName(type), kind: .action, round: round)
        return try send(type, id, attempt, body)
    }

    /// - Parameter of: the type of the action to undo.
    @discardableResult
    func compensate(_ type: String, of action: String, saga: SagaID, round: Int = 1, attempt: Int = 1) throws -> Reply {
        let id = CommandID(saga: saga, step: Self.stepName(action), kind: .compensation, round: round)
        return try send(type, id, attempt, ["input": [:]])
    }

    /// Executes a command and leaves the calls it leads to unmade.
    func begin(_ type: String, _ body: JSONValue, saga: SagaID) throws -> BatchOutcome {
        let id = CommandID(saga: saga, step: Self.stepName(type), kind: .action, round: 1)
        return try process(type, id, 1, body)
    }

    private func send(_ type: String, _ id: CommandID, _ attempt: Int, _ body: JSONValue) throws -> Reply {
        let outcome = try process(type, id, attempt, body)
        let core = try core(type)
        let finished = try core.finish(outcome.calls.map { $0.perform() }, now: now)
        #expect(outcome.faults.isEmpty && finished.faults.isEmpty)
        return try Reply.decode(try #require((outcome.replies + finished.replies).first).message)
    }

    private func process(_ type: String, _ id: CommandID, _ attempt: Int, _ body: JSONValue) throws -> BatchOutcome {
        let core = try core(type)
        let command = Command(
            id: id, type: type, attempt: attempt, participant: core.participant.name, replyTo: "skald.replies.0",
            body: body)
        let delivery = Delivery(
            consumer: "test", tag: DeliveryTag(epoch: 1, number: 1), isRedelivered: false, message: command.message())
        return try core.process([delivery], now: now)
    }

    private func core(_ type: String) throws -> ParticipantCore {
        let name = String(type.prefix { $0 != "." })
        return try #require(OrderService(rawValue: name).flatMap { cores[$0] })
    }

    private static func stepName(_ type: String) -> String { String(type.drop { $0 != "." }.dropFirst()) }

    // MARK: - Whole orders

    /// Drives an order through the steps of place-order, and back when one of them fails.
    ///
    /// - Returns: whether it was completed.
    @discardableResult
    func placeOrder(_ orderID: String, sku: String = "11", quantity: Int64 = 1, card: TestCard = .visa) throws -> Bool {
        let saga = newSaga()
        let amount = JSONValue.number(JSONNumber(quantity * 500))
        let reserved = try settle(
            "inventory.reserve",
            [
                "orderId": .string(orderID),
                "lines": [["sku": .string(sku), "quantity": .number(JSONNumber(quantity))]],
            ], saga)
        guard reserved.outcome == .succeeded else { return try undo(saga) }
        let authorized = try settle(
            "payment.authorize",
            [
                "orderId": .string(orderID), "amount": amount,
                "method": ["type": "card", "token": .string(card.rawValue)],
            ], saga)
        guard authorized.outcome == .succeeded else { return try undo(saga) }
        let recorded = try settle("ledger.record", ["orderId": .string(orderID), "amount": amount], saga)
        let committed = try settle("inventory.commit", ["reservation": reserved.body["reservation"] ?? nil], saga)
        guard recorded.outcome == .succeeded, committed.outcome == .succeeded else { return try undo(saga) }
        let captured = try settle(
            "payment.capture", ["authorization": authorized.body["authorization"] ?? nil], saga)
        guard captured.outcome == .succeeded else { return try undo(saga) }
        let settled = try settle(
            "ledger.settle",
            ["entry": recorded.body["entry"] ?? nil, "capture": captured.body["capture"] ?? nil], saga)
        #expect(settled.outcome == .succeeded)
        return true
    }

    private func settle(_ type: String, _ body: JSONValue, _ saga: SagaID) throws -> Reply {
        for attempt in 1... {
            let reply = try action(type, body, saga: saga, attempt: attempt)
            if reply.outcome != .retry || attempt == 5 { return reply }
        }
        throw Unsettled()
    }

    private func undo(_ saga: SagaID) throws -> Bool {
        for (type, action) in [
            ("inventory.uncommit", "inventory.commit"), ("ledger.reverse", "ledger.record"),
            ("payment.void", "payment.authorize"), ("inventory.release", "inventory.reserve"),
        ] {
            var attempt = 1
            while try compensate(type, of: action, saga: saga, attempt: attempt).outcome == .retry {
                attempt += 1
                guard attempt < 6 else { throw Unsettled() }
            }
        }
        return false
    }

    struct Unsettled: Error {}

    func audit(atRest: Bool = true, excepting sagas: Set<SagaID> = []) throws -> AuditReport {
        let audit = try #require(MoneyAndStockAudit(Array(services.values)))
        return try audit.report(atRest: atRest, excepting: sagas)
    }
}
