import GRDB
import Logging
import SagaBus
import SagaCore
import SagaParticipant
import ServiceLifecycle
import Testing

@testable import OrderServices

@Suite("The order services over the embedded bus")
struct OverTheBusTests {
    @Test("an order goes through all three, and everything adds up")
    func placeOrder() async throws {
        let bus = InMemoryBus()
        try bus.declare(.orchestrator(shard: 0))
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let services = try OrderService.allCases.map { try $0.open(directory: nil) }
        for kind in OrderService.allCases { try bus.declare(.participant(kind.rawValue)) }
        try await services[0].database.queue.write { db in
            _ = try Inventory.receive(#"{"sku": "11", "onHand": 2}"#, into: db, now: Shop.start)
        }
        let group = ServiceGroup(
            services: services.map { $0.service(over: bus, logger: quiet, now: { Shop.start }) }, logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await runOnDedicatedThread { try Customer(bus).placesOrder() }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        let audit = try #require(MoneyAndStockAudit(services))
        let report = try audit.report(atRest: true)
        #expect(report.isCleanAtRest, "\(report.violations + report.unfinished)")
        #expect(report[figure: "ledger: orders standing"] == 1)
        #expect(report[figure: "payment: captured"] == 1000)
    }
}

/// Sends the commands of one order, each after the reply to the one before.
private final class Customer {
    private let mailbox = BusMailbox()
    private let publisher: any BusPublisher
    private let consumer: any BusConsumer
    private let saga = SagaID(milliseconds: 86_400_000 * 200, shard: 0, sequence: 7)
    private var token: UInt64 = 0

    init(_ bus: InMemoryBus) throws {
        publisher = try bus.openPublisher(mailbox: BusMailbox())
        consumer = try bus.openConsumer(
            "customer", queue: "skald.replies.0", options: ConsumerOptions(), mailbox: mailbox)
    }

    func placesOrder() throws {
        let reserved = try ask(
            "inventory", "reserve", ["orderId": "4711", "lines": [["sku": "11", "quantity": 2]]])
        let authorized = try ask(
            "payment", "authorize",
            ["orderId": "4711", "amount": 1000, "method": ["type": "card", "token": "tok_visa"]])
        let recorded = try ask("ledger", "record", ["orderId": "4711", "amount": 1000])
        _ = try ask("inventory", "commit", ["reservation": reserved["reservation"] ?? nil])
        let captured = try ask("payment", "capture", ["authorization": authorized["authorization"] ?? nil])
        _ = try ask(
            "ledger", "settle", ["entry": recorded["entry"] ?? nil, "capture": captured["capture"] ?? nil])
    }

    private func ask(_ participant: String, _ verb: String, _ body: JSONValue) throws -> JSONValue {
        let command = Command(
            id: CommandID(saga: saga, step: verb, kind: .action, round: 1), type: "\(participant).\(verb)", attempt: 1,
            participant: participant, replyTo: "skald.replies.0", body: body)
        token += 1
        publisher.publish([(token: token, message: command.message())])
        while true {
            for case .delivery(let delivery) in mailbox.receive(waitingAtMost: .seconds(600)) {
                consumer.acknowledge([delivery.tag])
                let reply = try Reply.decode(delivery.message)
                #expect(reply.outcome == .succeeded && reply.command == command.id)
                return reply.body
            }
        }
    }
}
