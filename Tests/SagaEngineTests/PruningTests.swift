import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

@Suite("Pruning")
struct PruningTests {
    private static let day: Int64 = 24 * 3_600_000

    /// Removes what ended more than 90 days ago, 100 days after the last thing that happened.
    @discardableResult
    private static func prune(_ shop: Shop) throws -> PrunedPiece {
        shop.now = shop.now.adding(milliseconds: 100 * day)
        return try shop.core.prune(
            endedBefore: shop.now.adding(milliseconds: -90 * day), after: nil, at: shop.now)
    }

    private static func completed(_ shop: Shop, _ order: JSONValue = "4711") throws -> SagaID {
        let saga = try shop.started(order)
        for step in ["reserve", "charge", "ship"] { try shop.process(shop.reply(saga, step, .succeeded)) }
        try shop.confirmAll()
        #expect(try shop.state(saga).status == .completed)
        return saga
    }

    private static func abandoned(_ shop: Shop, _ order: JSONValue = "4711") throws -> SagaID {
        let saga = try shop.started(order)
        try shop.process(shop.request("abandon", of: saga, ["reason": "test"]))
        try shop.confirmAll()
        return saga
    }

    @Test("Rule 22: the start of a pruned saga finds it with the status it ended with", arguments: Storage.allCases)
    func start(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let saga = try Self.completed(shop)
        #expect(try Self.prune(shop).sagas == 1)
        let same = try shop.process(shop.start(id: "same")).answers()
        #expect(same.map(\.kind) == [.accepted])
        #expect(same.first?.body["saga"]?.string == saga.description)
        #expect(same.first?.body["key"] == "4711")
        #expect(same.first?.body["status"] == "completed")
        #expect(same.first?.body["existing"] == true)
        let other = try shop.process(shop.start(amount: 200, id: "other")).answers()
        #expect(other.first?.body["code"] == "IDEMPOTENCY_CONFLICT")
        #expect(other.first?.body["saga"]?.string == saga.description)
        let again = try shop.process(shop.start(amount: 200, id: "again", again: saga)).answers()
        #expect(again.first?.body["code"] == "NOT_ALLOWED")
        #expect(again.first?.body["message"]?.string?.hasSuffix("it is completed") == true)
        #expect(try shop.commands.isEmpty)
    }

    @Test("Rule 22: a pruned saga has one successor, and every start its saga", arguments: Storage.allCases)
    func again(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let first = try Self.abandoned(shop)
        #expect(try Self.prune(shop).sagas == 1)
        let started = try shop.process(shop.start(amount: 200, id: "next", again: first))
        let second = try #require(try started.commands().first?.id.saga)
        #expect(try started.answers().first?.body["existing"] == false)
        try shop.confirmAll()
        try shop.process(shop.request("abandon", of: second, ["reason": "test"]))
        try shop.confirmAll()
        #expect(try Self.prune(shop).sagas == 1)

        func answer(_ delivery: Delivery) throws -> Answer {
            try #require(try shop.process(delivery).answers().first)
        }
        for (delivery, saga) in [
            (shop.start(amount: 200, id: "next", again: first), second), (shop.start(id: "start-4711"), first),
            (shop.start(amount: 200, id: "second"), second),
        ] {
            let found = try answer(delivery)
            #expect(found.body["saga"]?.string == saga.description)
            #expect(found.body["status"] == "abandoned")
            #expect(found.body["existing"] == true)
        }
        #expect(try answer(shop.start(amount: 300, id: "x", again: first)).body["code"] == "IDEMPOTENCY_CONFLICT")
        #expect(try answer(shop.start(amount: 300, id: "y")).body["code"] == "IDEMPOTENCY_CONFLICT")
        #expect(try answer(shop.start(amount: 300, id: "third", again: second)).body["existing"] == false)
    }

    @Test("Rule 22: another saga's successor is not found by its key alone")
    func keyOfAnotherDefinition() throws {
        let other = Shop.define(
            """
            saga: refund
            version: 1
            key: ${input.order}
            steps:
              - name: pay
                participant: bank
                action: bank.pay
                compensation: none
                with: { amount: "${input.amount}" }
            """)
        let shop = try Shop(definitions: [Shop.definition, other])
        let first = try Self.abandoned(shop)
        try shop.process(shop.start(id: "next", again: first))
        try shop.process(shop.start(id: "refund", definition: "refund"))
        let wrong = try shop.process(shop.start(id: "wrong", definition: "refund", again: first)).answers()
        #expect(wrong.first?.body["code"] == "IDEMPOTENCY_CONFLICT")
    }

    @Test("Rule 11: a late reply to a pruned saga is ignored; one to no saga is a dead letter")
    func reply() throws {
        let shop = try Shop()
        let saga = try Self.completed(shop)
        try Self.prune(shop)
        let before = try shop.contents()
        try shop.process(
            shop.reply(saga, "ship", .succeeded), shop.reply(saga, "ship", .failed), shop.reply(saga, "none", .retry))
        #expect(try shop.contents() == before)
        #expect(shop.notices.suffix(3).allSatisfy { if case .ignored = $0 { true } else { false } })
        let nobody = SagaID(milliseconds: 1, shard: 0, sequence: 1)
        try shop.process(shop.reply(nobody, "ship", .succeeded))
        #expect(try shop.deadLetters().map(\.reason) == ["REPLY_UNKNOWN"])
    }

    @Test("An operator's request for a pruned saga is refused and says so", arguments: OperatorVerb.allCases)
    func request(_ verb: OperatorVerb) throws {
        let shop = try Shop()
        let saga = try Self.completed(shop)
        try Self.prune(shop)
        let answer = try #require(try shop.process(shop.request(verb.rawValue, of: saga)).answers().first)
        #expect(answer.body["code"] == "NOT_ALLOWED")
        #expect(answer.body["message"] == "the saga has ended (completed) and has been pruned")
    }

    @Test("An open saga stays however old it is, in memory and in the file", arguments: Storage.allCases)
    func open(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let open = try shop.started("1")
        let ended = try Self.completed(shop, "2")
        #expect(try Self.prune(shop).sagas == 1)
        #expect(try shop.store.read { try $0.sagaIDs() } == [open])
        try shop.process(shop.reply(open, "reserve", .succeeded))
        #expect(try shop.state(open).rollback?.reason == .deadline)
        #expect(try shop.store.read { try $0.pruned(ended) }?.status == .completed)
    }

    @Test("A saga with a command that has not left stays until it has")
    func unsent() throws {
        let shop = try Shop()
        let result = try shop.process(shop.start())
        let saga = try #require(try result.commands().first?.id.saga)
        try shop.process(shop.request("abandon", of: saga, ["reason": "test"]))
        #expect(try Self.prune(shop).sagas == 0)
        try shop.restart()
        #expect(try Self.prune(shop).sagas == 0)
        // No queue takes it: from now on nothing waits for it, and nothing keeps it in the outbox.
        let command = try #require(try shop.outbox.first { $0.command != nil })
        shop.core.wasReturned(command.id)
        #expect(try Self.prune(shop).sagas == 1)
        try shop.returned([command])
        #expect(try shop.commands.isEmpty)
    }

    @Test("An operator prunes in pieces, and is told whether there is more")
    func verb() throws {
        var settings = EngineSettings()
        settings.pruningLimit = 2
        let shop = try Shop(settings: settings)
        for order in ["1", "2", "3"] as [JSONValue] { _ = try Self.abandoned(shop, order) }
        let open = try shop.started("4")
        shop.now = shop.now.adding(milliseconds: 40 * Self.day)
        let young = try Self.abandoned(shop, "5")
        func ask(_ body: JSONObject) throws -> JSONObject {
            try #require(try shop.process(shop.request("prune", body)).answers().first).body
        }
        let first = try ask(["olderThan": "30d", "by": "ann"])
        #expect(first["sagas"] == 2)
        #expect(first["more"] == true)
        let second = try ask(["olderThan": "30d", "after": first["after"] ?? .null])
        #expect(second["sagas"] == 1)
        #expect(second["more"] == false)
        #expect(second["after"] == nil)
        #expect(try shop.store.read { try $0.sagaIDs() } == [open, young])
        for (body, code, path) in [
            ([:], "FIELD_MISSING", "olderThan"), (["olderThan": "719h"], "FIELD_VALUE", "olderThan"),
            (["olderThan": "soon"], "FIELD_VALUE", "olderThan"), (["olderThan": 90], "FIELD_TYPE", "olderThan"),
            (["olderThan": "30d", "after": "x"], "ID_FORMAT", "after"),
            (["olderThan": "30d", "saga": "x"], "FIELD_UNKNOWN", ""),
        ] as [(JSONObject, String, String)] {
            let refusal = try ask(body)
            #expect(refusal["code"]?.string == code, "\(body)")
            #expect(refusal["path"]?.string ?? "" == path, "\(body)")
        }
    }

    // MARK: In the loop

    private func run(
        _ shop: Shop, pruneAfter: Duration?, _ body: @escaping @Sendable (HandBus, HandClock) throws -> Void
    ) async throws {
        var settings = EngineSettings()
        settings.shutdownGrace = .milliseconds(1)
        settings.pruneAfter = pruneAfter
        let (bus, clock) = (HandBus(), HandClock(at: shop.now))
        let orchestrator = Orchestrator(
            store: shop.store, bus: bus, settings: settings, definitions: [Shop.definition],
            clock: EngineClock { clock.now }, logger: .quiet)
        try await orchestrator.run {
            try bus.connect()
            try body(bus, clock)
        }
    }

    @Test("The worker prunes by itself, at its start and when a saga has come of age")
    func loop() async throws {
        let shop = try Shop()
        let saga = try Self.completed(shop, "1")
        shop.now = shop.now.adding(milliseconds: 60 * Self.day)
        let younger = try Self.completed(shop, "2")
        let open = try shop.started("3")
        shop.now = shop.now.adding(milliseconds: 31 * Self.day)
        try await run(shop, pruneAfter: .milliseconds(90 * Self.day)) { [store = shop.store] bus, clock in
            try store.awaitPruned(saga)
            #expect(try store.read { try $0.sagaIDs() } == [younger, open])
            clock.advance(milliseconds: 60 * Self.day)
            bus.wake()
            try store.awaitPruned(younger)
        }
        #expect(try shop.store.read { try $0.sagaIDs() } == [open])
    }

    @Test("Unless it is told to, the worker prunes nothing")
    func never() async throws {
        let shop = try Shop()
        let saga = try Self.completed(shop, "1")
        shop.now = shop.now.adding(milliseconds: 10_000 * Self.day)
        let start = shop.start("2", id: "2")
        try await run(shop, pruneAfter: nil) { bus, _ in
            bus.post(.delivery(start))
            _ = try bus.messages(1, to: SkaldNames.commands)
        }
        #expect(try shop.store.read { try $0.sagaIDs() }.contains(saga))
    }

    @Test("A piece waits for idleness, but not for ever; the next walk begins after a rest")
    func pace() {
        let start = Shop.start
        func at(_ milliseconds: Int64) -> Timestamp { start.adding(milliseconds: milliseconds) }
        var pace = PruningPace(age: .milliseconds(90 * Self.day), from: start)
        #expect(pace.isDue(start, isIdle: true))
        #expect(!pace.isDue(at(999), isIdle: false))
        #expect(pace.isDue(at(1000), isIdle: false))

        var piece = PrunedPiece()
        piece.sagas = 200
        piece.hasMore = true
        piece.after = SagaID(milliseconds: 1, shard: 0, sequence: 0)
        #expect(pace.removed(piece, at: start) == nil)
        #expect(pace.after == piece.after)
        #expect(!pace.isDue(at(99), isIdle: true))
        #expect(pace.isDue(at(100), isIdle: true))

        piece.sagas = 3
        piece.hasMore = false
        piece.after = nil
        #expect(pace.removed(piece, at: at(100))?.sagas == 203)
        #expect(pace.after == nil)
        #expect(!pace.isDue(at(3_600_099), isIdle: true))
        #expect(pace.isDue(at(3_600_100), isIdle: true))
        #expect(pace.removed(piece, at: at(3_600_100))?.sagas == 3)
    }

    @Test("The loop wakes for the next piece; while something always arrives, it removes one a second")
    func turns() throws {
        let shop = try Shop()
        for order in ["1", "2", "3"] as [JSONValue] { _ = try Self.abandoned(shop, order) }
        shop.now = shop.now.adding(milliseconds: 100 * Self.day)
        var settings = EngineSettings()
        settings.pruneAfter = .milliseconds(90 * Self.day)
        settings.pruningLimit = 1
        let (bus, clock) = (HandBus(), HandClock(at: shop.now))
        let loop = try EngineLoop(
            core: EngineCore(store: shop.store, settings: settings, definitions: []), store: shop.store, bus: bus,
            settings: settings, definitions: [Shop.definition], clock: EngineClock { clock.now },
            random: SplitMix64(seed: 1), signals: EngineSignals(), logger: .quiet)
        func left() throws -> Int { try shop.store.read { try $0.sagaIDs().count } }
        func step(after milliseconds: Int64, busy: Bool = false) throws {
            clock.advance(milliseconds: milliseconds)
            if busy { bus.post(.publishingUnblocked) }
            try loop.step()
        }
        try loop.step()
        try bus.connect()
        try step(after: 0)
        for _ in 1...3 { try step(after: 333, busy: true) }
        #expect(try left() == 3)
        try step(after: 1, busy: true)
        #expect(try left() == 2)
        #expect(loop.patience == .milliseconds(100))
        try step(after: 99)
        #expect(try left() == 2)
        try step(after: 1)
        #expect(try left() == 1)
        try step(after: 100)
        try step(after: 100)
        #expect(try left() == 0)
        // The walk was at its end, and the next begins in an hour.
        #expect(loop.patience == .seconds(60))
        clock.advance(milliseconds: 3_599_999)
        #expect(loop.patience == .milliseconds(1))
    }

    @Test("Rule 26: trouble with pruning is no trouble for sagas")
    func trouble() async throws {
        let shop = try Shop()
        let saga = try Self.completed(shop, "1")
        shop.now = shop.now.adding(milliseconds: 100 * Self.day)
        try shop.tamper(
            "CREATE TRIGGER planted BEFORE DELETE ON sagas BEGIN SELECT RAISE(ABORT, 'planted'); END")
        let start = shop.start("2", id: "2")
        try await run(shop, pruneAfter: .milliseconds(90 * Self.day)) { bus, _ in
            bus.post(.delivery(start))
            _ = try bus.messages(1, to: SkaldNames.commands)
        }
        #expect(try shop.state(saga).status == .completed)
        #expect(try shop.store.read { try $0.pruned(saga) } == nil)
    }
}

extension SagaStore {
    fileprivate func awaitPruned(_ saga: SagaID) throws {
        while try read({ try $0.pruned(saga) }) == nil { try Floor.pass() }
    }
}
