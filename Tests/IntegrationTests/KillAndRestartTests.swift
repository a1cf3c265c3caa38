import BusConformance
import Foundation
import OrderServices
import SagaCore
import SagaStore
import Testing

/// Orders run through real processes over a real broker while one of them is killed.
@Suite(
    .serialized, .enabled(if: RunningSystem.brokerScript != nil, RunningSystem.missing), .timeLimit(.minutes(5)))
struct KillAndRestartTests {
    private static let orders = 250
    /// Placed while somebody stands still: they are under way when another is killed, however busy the machine is.
    private static let lateOrders = 20

    @Test(
        "F1, F2, F3, F13, F28: kill -9 amid the orders, start again: every order ends, every cent is in place",
        arguments: RunningSystem.Part.allCases)
    func killAndRestart(victim: RunningSystem.Part) async throws {
        let system = try RunningSystem()
        defer { system.tearDown() }
        let (orders, stock) = try writeShop(in: system.directory)
        try system.start(.broker)
        try system.start(.worker)
        try system.start(.inventory, ["--stock", stock])
        try system.start(.payment)
        try system.start(.ledger)

        let started = try system.run(["start", "place-order", "--input", orders, "--batch"])
        try #require(started.code == 0, "\(started.output)")
        try await system.wait { try Self.ended($0) >= 20 }
        let frozen: RunningSystem.Part = victim == .payment ? .ledger : .payment
        try system.freeze(frozen)
        let late = try system.run(
            ["start", "place-order", "--input", try writeLateOrders(in: system.directory), "--batch"])
        try #require(late.code == 0, "\(late.output)")
        try system.kill(victim)
        try #require(try system.read { try $0.openSagaCount() } > 0, "nothing was under way when it was killed")
        try system.thaw(frozen)
        try system.start(victim)

        try await system.wait { transaction in
            try Self.ended(transaction) == Self.orders + Self.lateOrders && transaction.outboxCount() == 0
        }
        let counts = try system.read { try $0.countByStatus() }
        #expect(counts[.completed, default: 0] + counts[.compensated, default: 0] == Self.orders + Self.lateOrders)
        #expect(counts[.completed, default: 0] > 0 && counts[.compensated, default: 0] > 0)
        #expect(try system.read { try $0.deadLetters(includingSettled: true, limit: 10) }.isEmpty)
        let audit = try system.audit()
        #expect(audit.violations == [])
        #expect(audit.unfinished == [])

        let again = try system.run(["start", "place-order", "--input", orders, "--batch"])
        #expect(again.output.contains("0 started, \(Self.orders) existed already, 0 refused"))
        #expect(try system.stop().values.allSatisfy { $0 == 0 })
    }

    @Test("F19: dying again and again with a full prefetch makes no healthy message a dead letter")
    func fullPrefetch() async throws {
        try await RunningSystem.run { system in
            try system.start(.broker)
            try system.place(1...100)
            // More often than a message may kill it: each time the first of them has just been handled, none has been
            // acknowledged, and all come again.
            for _ in 1...5 {
                try system.start(.worker, environment: ["SKALD_CRASH_AT": "worker-after-commit:1"])
                let code = try system.waitForEnd(of: .worker)
                try require(code == -1, "it died, not exited with \(code)")
            }
            try system.start(.worker)
            for service in [RunningSystem.Part.inventory, .payment, .ledger] { try system.startService(service) }
            try system.expectRest(sagas: 100)
        }
    }

    @Test("F23: a second worker on the same file refuses to start and names the owner: pid, host, since when")
    func secondWorkerOnTheFile() async throws {
        try await RunningSystem.run { system in
            try system.start(.broker)
            try system.start(.worker)
            try system.awaitLog(of: .worker, "worker started")
            let second = try system.run(["worker", "--sagas", "sagas"])
            try require(second.code == 1, "\(second)")
            try require(second.output.contains("is held by another process (\(try owner(in: system)))"), "\(second)")
            try require(try system.stop() == [.worker: 0], "the first ends in order")
        }
    }

    @Test("F23: a second worker on the same shard, with another file, refuses to start and names the owner")
    func secondWorkerOnTheShard() async throws {
        try await RunningSystem.run { system in
            try system.startAll()
            try system.place(1...1)
            try system.awaitEnds(1)
            let second = try system.run(["worker", "--sagas", "sagas", "--data-dir", system.directory + "/other"])
            try require(second.code == 1, "\(second)")
            try require(
                second.output.contains("shard 0 of this broker has a worker already (\(try owner(in: system)))"),
                "\(second)")
            // The first has noticed nothing.
            try system.place(2...6)
            try system.expectRest(sagas: 6)
        }
    }

    /// Who the lock file says has the file: "pid 17 on host, since …".
    private func owner(in system: RunningSystem) throws -> String {
        let owner = try String(contentsOfFile: system.dataDirectory + "/skald.sqlite.lock", encoding: .utf8)
        try require(owner.wholeMatch(of: /pid \d+ on .+, since \d{4}-.+/) != nil, "it says who: \(owner)")
        return owner
    }

    private static func ended(_ transaction: StoreView) throws -> Int {
        let counts = try transaction.countByStatus()
        return counts.filter { $0.key.isTerminal }.values.reduce(0, +)
    }

    /// Orders of which some are declined and some find empty shelves.
    private func writeShop(in directory: String) throws -> (orders: String, stock: String) {
        let orders = (0..<Self.orders).map {
            Self.order($0, sku: "\($0 % 10)", card: Self.cards[$0 % Self.cards.count])
        }
        let stock = (0..<10).map { #"{"sku":"\#($0)","onHand":60}"# } + [#"{"sku":"plenty","onHand":1000}"#]
        let paths = (directory + "/orders.jsonl", directory + "/stock.jsonl")
        try orders.joined(separator: "\n").write(toFile: paths.0, atomically: true, encoding: .utf8)
        try stock.joined(separator: "\n").write(toFile: paths.1, atomically: true, encoding: .utf8)
        return paths
    }

    private func writeLateOrders(in directory: String) throws -> String {
        let path = directory + "/late.jsonl"
        let orders = (0..<Self.lateOrders).map { Self.order(1000 + $0, sku: "plenty", card: "tok_visa") }
        try orders.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private static let cards = [
        "tok_visa", "tok_visa", "tok_visa", "tok_declined", "tok_timeout_after", "tok_capture_timeout_after",
    ]

    private static func order(_ number: Int, sku: String, card: String) -> String {
        let (quantity, price) = (number % 5 + 1, 100 + number % 7 * 50)
        return """
            {"orderId":"\(number)","customerId":"C1","currency":"EUR","total":\(quantity * price),\
            "lines":[{"sku":"\(sku)","quantity":\(quantity),"unitPrice":\(price),"discount":0}],\
            "paymentMethod":{"type":"card","token":"\(card)"}}
            """
    }
}
