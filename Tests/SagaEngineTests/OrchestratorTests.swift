import GRDB
import SagaBus
import SagaCore
import SagaYAML
import Synchronization
import Testing

@testable import SagaEngine
@testable import SagaStore

@Suite("The orchestrator over the embedded bus")
struct OrchestratorTests {
    private static let placeOrder: SagaDefinition? = {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        return try? DefinitionFile.load(path: root + "/sagas/place-order.yaml").get()
    }()
    private static let order: JSONValue = [
        "orderId": "4711", "lines": [["sku": "11", "quantity": 2]], "total": 100, "currency": "EUR",
        "paymentMethod": ["token": "t"],
    ]
    private static let services = ["inventory", "payment", "ledger"]

    /// Steps that back off for a millisecond.
    private static let quick = Shop.define(
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
            retry: { attempts: 3, backoff: 1ms }
          - name: charge
            participant: bank
            action: bank.charge
            compensation: bank.refund
            retry: { attempts: 3, backoff: 1ms }
          - name: note
            after: [reserve]
            participant: stock
            action: stock.note
            compensation: stock.forget
            retry: { attempts: 3, backoff: 1ms }
          - name: ship
            kind: retriable
            after: [charge, note]
            participant: stock
            action: stock.ship
            retry: { for: 1h, backoff: 1ms, max: 5ms }
        """)

    @Test func placeOrderCompletes() async throws {
        let definition = try #require(Self.placeOrder)
        let floor = try Floor(definitions: [definition])
        let participants = try Participants(Self.services, on: floor.bus)
        defer { participants.stop() }
        try await floor.run {
            floor.start([Self.order], definition: "place-order")
            let events = try floor.await { $0.last?.message.properties.type == "ORDER_CONFIRMED" }
            #expect(events.map(\.message.properties.type) == ["ORDER_CREATED", "ORDER_CONFIRMED"])
        }
        let types = participants.commands.map(\.type)
        #expect(Set(types[2...3]) == ["ledger.record", "inventory.commit"])
        #expect(types.count == 6)
        #expect(types.first == "inventory.reserve")
        #expect(types.suffix(2) == ["payment.capture", "ledger.settle"])
        #expect(participants.commands.last?.body == ["entry": "e", "capture": "c"])
        try floor.expectRest(sagas: 1)
    }

    @Test func aRefusedCaptureIsUndoneInReverse() async throws {
        let definition = try #require(Self.placeOrder)
        let floor = try Floor(definitions: [definition])
        let participants = try Participants(Self.services, on: floor.bus) {
            [$0.type == "payment.capture" ? .failure($0) : .success($0)]
        }
        defer { participants.stop() }
        try await floor.run {
            floor.start([Self.order], definition: "place-order")
            let events = try floor.await { $0.last?.message.properties.type == "ORDER_CANCELLED" }
            let data = try JSONValue.parse(try #require(events.last).message.body)["data"]
            #expect(data?["status"] == "compensated")
            #expect(data?["code"] == "DECLINED")
        }
        let undone = participants.commands.map(\.type).suffix(4)
        #expect(Set(undone.prefix(2)) == ["ledger.reverse", "inventory.uncommit"])
        #expect(undone.suffix(2) == ["payment.void", "inventory.release"])
        try floor.expectRest(sagas: 1)
    }

    @Test("I1, I6: 2,000 sagas with retries, refusals and repeated replies all end, and the outbox is empty")
    func manySagas() async throws {
        let floor = try Floor(definitions: [Self.quick])
        let random = Mutex(SplitMix64(seed: 42))
        let participants = try Participants(on: floor.bus) { command in
            let chance = random.withLock { $0.next() % 100 }
            let mayFail = command.id.kind == .action && command.id.step != "ship"
            switch chance {
            case 0..<10: return [.retry(command)]
            case 10..<15 where mayFail: return [.failure(command), .failure(command)]
            case 15..<30: return [.success(command), .success(command)]
            case 30..<35: return [.retry(command), .success(command)]
            default: return [.success(command)]
            }
        }
        defer { participants.stop() }
        try await floor.run {
            floor.start(Floor.orders(0..<2000))
            try floor.awaitEnds(2000)
        }
        try floor.expectRest(sagas: 2000)
        let counts = try floor.store.read { try $0.countByStatus() }
        #expect((counts[.completed] ?? 0) > 1000)
        #expect((counts[.compensated] ?? 0) > 100)
        #expect(try floor.store.integrityProblems() == [])
    }

    @Test("Rule 23: a small window, opened and closed all the time, still lets every saga through")
    func smallWindow() async throws {
        var settings = EngineSettings()
        settings.sagasInFlight = 4
        settings.batchLimit = 3
        settings.prefetch = 5
        let floor = try Floor(settings: settings, definitions: [Self.quick])
        let participants = try Participants(on: floor.bus)
        defer { participants.stop() }
        try await floor.run {
            floor.start(Floor.orders(0..<300))
            try floor.awaitEnds(300)
        }
        try floor.expectRest(sagas: 300)
    }

    @Test("A small bound on the outbox pauses replies as well, and both go on")
    func smallOutbox() async throws {
        var settings = EngineSettings()
        settings.outboxBound = 4
        settings.batchLimit = 3
        let floor = try Floor(settings: settings, definitions: [Self.quick])
        let participants = try Participants(on: floor.bus)
        defer { participants.stop() }
        try await floor.run {
            floor.start(Floor.orders(0..<200))
            try floor.awaitEnds(200)
        }
        try floor.expectRest(sagas: 200)
    }

    @Test("A graceful stop in the middle; another worker goes on where it stopped")
    func stopAndGoOn() async throws {
        let floor = try Floor(definitions: [Self.quick])
        let participants = try Participants(on: floor.bus)
        defer { participants.stop() }
        let ended = Mutex<Set<String>>([])
        func step(_ enough: Int) async throws {
            try await floor.run {
                try floor.await { arrived in
                    if let last = arrived.last?.message.properties, last.type == "COMPLETED",
                        let saga = last.correlationID
                    {
                        ended.withLock { _ = $0.insert(saga) }
                    }
                    return ended.withLock { $0.count } >= enough
                }
            }
            #expect(try floor.store.read { try $0.fact(StoreFact.isOpen) } == "no")
        }
        floor.start(Floor.orders(0..<400))
        for enough in [1, 50, 150, 400] { try await step(enough) }
        try floor.expectRest(sagas: 400)
        // Stopped in order, nothing was asked twice.
        #expect(participants.commands.allSatisfy { $0.attempt == 1 })
    }

    @Test("F13: the broker goes away and comes back, again and again; no budget is used up")
    func brokerAway() async throws {
        let floor = try Floor(definitions: [Self.quick])
        let participants = try Participants(on: floor.bus)
        defer { participants.stop() }
        try await floor.run {
            floor.start(Floor.orders(0..<200))
            for _ in 1...5 {
                try floor.awaitEnds(10)
                floor.bus.disconnect()
                floor.bus.reconnect()
            }
            while try floor.store.read({ try $0.countByStatus()[.completed] ?? 0 }) < 200 { try Floor.pass() }
        }
        #expect(participants.commands.allSatisfy { $0.attempt == 1 })
        try floor.expectRest(sagas: 200)
    }

    @Test("F14: a blocked broker holds up publishing; a stop does not wait for it, and nothing is lost")
    func blocked() async throws {
        var settings = EngineSettings()
        settings.shutdownGrace = .milliseconds(10)
        let floor = try Floor(settings: settings, definitions: [Self.quick])
        let participants = try Participants(on: floor.bus)
        defer { participants.stop() }
        floor.start(Floor.orders(0..<50))
        floor.bus.blockPublishing(reason: "memory")
        try await floor.run {
            // All starts are committed though nothing leaves.
            while try floor.store.read({ try $0.countByStatus()[.running] ?? 0 }) < 50 {
                try Floor.pass()
            }
        }
        #expect(try floor.store.read { try $0.outboxCount() } == 100)
        floor.bus.unblockPublishing()
        try await floor.run { try floor.awaitEnds(50) }
        try floor.expectRest(sagas: 50)
    }

    @Test("F21: with the disk full everything waits at the broker, and goes on by itself when there is room")
    func fullDisk() async throws {
        let directory = try TemporaryDirectory()
        let store = try SagaStore(path: directory.file("skald.sqlite"))
        let floor = try Floor(store: store, definitions: [Self.quick])
        let participants = try Participants(on: floor.bus)
        defer { participants.stop() }
        try store.write { try $0.db.execute(sql: "PRAGMA max_page_count = 60") }
        try await floor.run {
            floor.start(Floor.orders(0..<300))
            floor.ask("pause", ["saga": "0000000000001"], id: "op")
            // The file is full before the sagas are through.
            while try floor.store.read({ try Int.fetchOne($0.db, sql: "PRAGMA max_page_count") ?? 0 }) == 60 {
                try Floor.pass()
            }
            // Reopened after the trouble, it may grow: the limit belongs to the connection.
            try floor.awaitEnds(300)
        }
        try floor.expectRest(sagas: 300)
        #expect(try store.integrityProblems() == [])
        #expect(participants.commands.allSatisfy { $0.attempt == 1 })
    }

    @Test("F23: a second worker on the shard is refused and leaves the first one alone")
    func secondWorker() async throws {
        let floor = try Floor(definitions: [Self.quick])
        let participants = try Participants(on: floor.bus)
        defer { participants.stop() }
        let store = try SagaStore()
        let second = Orchestrator(store: store, bus: floor.bus, definitions: [Self.quick], logger: .quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let first = Orchestrator(store: floor.store, bus: floor.bus, definitions: [Self.quick], logger: .quiet)
            group.addTask { try await first.run() }
            floor.start(Floor.orders(0..<1))
            try await runOnDedicatedThread { try floor.awaitEnds(1) }
            group.addTask {
                // Let in, it would run on; stopped, it ends without an error.
                try await runOnDedicatedThread {
                    while try store.read({ try $0.fact(StoreFact.isOpen) }) == nil { try Floor.pass() }
                }
                second.stop()
            }
            let error = await #expect(throws: BusError.self) { try await second.run() }
            try store.write { try $0.setFact(StoreFact.isOpen, to: "no") }
            #expect(error?.code == .accessRefused)
            floor.start(Floor.orders(1..<3))
            try await runOnDedicatedThread { try floor.awaitEnds(2) }
            first.stop()
            try await group.waitForAll()
        }
        try floor.expectRest(sagas: 3)
    }

    @Test("Rule 15, F25: new definitions are taken while it runs; one that changed under its version is not")
    func reload() async throws {
        let second = Shop.define(
            """
            saga: shop
            version: 2
            key: ${input.order}
            events: { completed: COMPLETED }
            steps: [{ name: only, participant: bank, action: bank.all, compensation: none }]
            """)
        let floor = try Floor(definitions: [Self.quick])
        let participants = try Participants(on: floor.bus)
        defer { participants.stop() }
        let orchestrator = Orchestrator(
            store: floor.store, bus: floor.bus, definitions: [Self.quick], logger: .quiet)
        try await orchestrator.run {
            floor.start(Floor.orders(0..<1))
            try floor.awaitEnds(1)
            orchestrator.reload([second])
            // Starts that are taken before the definition still run under the old one.
            var number = 1
            while !participants.commands.contains(where: { $0.type == "bank.all" }) {
                floor.start(Floor.orders(number...number))
                number += 1
                try floor.awaitEnds(1)
            }
        }
    }
}
