import BusConformance
import Foundation
import OrderServices
import RabbitMQBus
import SagaBus
import SagaCore
import SagaStore

/// What the tests of single faults need beyond ``RunningSystem``: orders that nobody waits for, and waiting on a thread
/// of one's own.
extension RunningSystem {
    /// Longer than anything here takes; only a failing test waits for it.
    private static let patience = Duration.seconds(300)

    /// Runs `body` on a thread of its own and clears everything away.
    static func run(_ body: @escaping @Sendable (RunningSystem) throws -> Void) async throws {
        try await runOnDedicatedThread {
            let system = try RunningSystem()
            defer { system.tearDown() }
            try body(system)
        }
    }

    /// Broker, worker and services; with ten thousand of the only thing that is sold.
    func startAll() throws {
        try start(.broker)
        try start(.worker)
        for service in [Part.inventory, .payment, .ledger] { try startService(service) }
    }

    func startService(_ part: Part, _ arguments: [String] = []) throws {
        guard part == .inventory else { return try start(part, arguments) }
        let stock = directory + "/stock.jsonl"
        try #"{"sku":"1","onHand":10000}"#.write(toFile: stock, atomically: true, encoding: .utf8)
        try start(part, ["--stock", stock] + arguments)
    }

    // MARK: Orders

    static func order(_ number: Int) -> JSONValue {
        [
            "orderId": .string("\(number)"), "customerId": "C1", "currency": "EUR", "total": 100,
            "lines": [["sku": "1", "quantity": 1, "unitPrice": 100, "discount": 0]],
            "paymentMethod": ["type": "card", "token": "tok_visa"],
        ]
    }

    /// Leaves these orders with the broker, which has confirmed them.
    func place(_ numbers: ClosedRange<Int>) throws {
        let (bus, watcher) = (try bus(), Watcher())
        defer { bus.close() }
        try bus.declare(.orchestrator(shard: 0))
        try bus.openPublisher(mailbox: watcher.mailbox).publish(
            numbers.map { number in
                let start = StartRequest(
                    requestID: "order-\(number)", definition: "place-order", input: Self.order(number))
                return (token: UInt64(number), message: start.message(shard: 0))
            })
        try require(try watcher.outcomes(numbers.count).values.allSatisfy { $0 == .confirmed }, "orders are placed")
    }

    func bus(_ options: RabbitMQOptions = RabbitMQOptions()) throws -> RabbitMQBus {
        try RabbitMQBus(url: brokerURL, options: options)
    }

    func depth(_ queue: String) throws -> Int {
        let bus = try bus()
        defer { bus.close() }
        return try bus.depth(ofQueue: queue) ?? 0
    }

    // MARK: Waiting

    /// Looks again and again until it is so.
    func await(_ what: String, _ isSo: () throws -> Bool) throws {
        let end = ContinuousClock.now + Self.patience
        while try !isSo() {
            guard ContinuousClock.now < end else {
                throw Failure("\(what): it does not happen\n\(log(of: .worker).suffix(3000))")
            }
            usleep(20_000)
        }
    }

    func awaitLog(of part: Part, _ text: String) throws {
        try self.await("\(part.rawValue) says \"\(text)\"") { log(of: part).contains(text) }
    }

    /// Waits until the worker's file shows this; not before there is one.
    func awaitStore(_ what: String, _ isSo: (StoreView) throws -> Bool) throws {
        try self.await(what) { (try? read(isSo)) ?? false }
    }

    func awaitEnds(_ count: Int) throws {
        try awaitStore("\(count) sagas have ended and nothing is left to send") {
            let (counts, left) = (try $0.countByStatus(), try $0.outboxCount())
            return counts.filter { $0.key.isTerminal }.values.reduce(0, +) == count && left == 0
        }
    }

    /// Everything has ended, nothing is left over, every cent is in place, and all stop in order.
    func expectRest(sagas: Int) throws {
        try awaitEnds(sagas)
        let letters = try read { try $0.deadLetters(includingSettled: true, limit: 3) }
        try require(letters.isEmpty, "no dead letters: \(letters)")
        let audit = try audit()
        try require(audit.violations == [] && audit.unfinished == [], "\(audit.violations + audit.unfinished)")
        let codes = try stop()
        try require(codes.values.allSatisfy { $0 == 0 }, "all end with 0: \(codes)")
    }

    /// What a person may do at any time.
    func expectReadable(key: String) throws {
        for command in [["list"], ["show", key], ["history", key], ["check"]] {
            let run = try run(command)
            try require(run.code == 0, "skald \(command.joined(separator: " ")): \(run)")
        }
    }
}
