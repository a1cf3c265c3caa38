import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

@Suite("One fault, one saga")
struct IsolationTests {
    /// Nothing is remembered between inputs, so that every input reads the file.
    private func forgetfulShop(_ storage: Storage = .memory) throws -> Shop {
        var settings = EngineSettings()
        settings.cachedSagas = 0
        return try Shop(storage, settings: settings)
    }

    @Test("F26: an input that throws in the middle of a batch becomes a dead letter", arguments: Storage.allCases)
    func start(_ storage: Storage) throws {
        let shop = try forgetfulShop(storage)
        try shop.tamper(
            """
            CREATE TRIGGER planted BEFORE INSERT ON keys WHEN new.key = 'poison'
            BEGIN SELECT RAISE(ABORT, 'planted'); END
            """)
        let saga = try shop.started("before")
        let result = try shop.process(
            shop.start("1", id: "1"), shop.start("poison", id: "2"), shop.reply(saga, "reserve", .succeeded),
            shop.start("3", id: "3"))
        #expect(try result.commands().map(\.type) == ["stock.reserve", "bank.charge", "stock.reserve"])
        #expect(try result.answers().map(\.requestID) == ["1", "3"])
        #expect(try shop.deadLetters().map(\.reason) == ["INTERNAL"])
        #expect(try shop.store.read { try $0.owner(ofKey: "poison", name: "shop") } == nil)
        #expect(result.nextWake == shop.now.adding(milliseconds: 1000))
        #expect(try shop.outbox.suffix(result.outgoing.count) == result.outgoing[...])
    }

    @Test("F26: a reply that cannot be applied makes its saga stuck, with an event, and is kept")
    func reply() throws {
        let shop = try forgetfulShop()
        let saga = try shop.started("1")
        let other = try shop.started("2")
        try shop.tamper(
            """
            CREATE TRIGGER planted BEFORE INSERT ON outbox WHEN new.routing_key = 'bank'
            AND new.command LIKE '\(saga)/%' BEGIN SELECT RAISE(ABORT, 'planted'); END
            """)
        let result = try shop.process(
            shop.reply(saga, "reserve", .succeeded), shop.reply(other, "reserve", .succeeded))
        #expect(try result.commands().map(\.id.saga) == [other])
        let state = try shop.state(saga)
        #expect(state.status == .stuck)
        #expect(state.problem?.code == "INTERNAL")
        #expect(try result.events().map { $0["type"] } == ["SAGA_STUCK"])
        #expect(shop.notices.contains(.sagaStuck(saga, step: nil, code: "INTERNAL")))
        #expect(try shop.deadLetters().map(\.saga) == [saga])

        // With the fault gone, an operator retries and replays.
        try shop.tamper("DROP TRIGGER planted")
        try shop.process(shop.request("retry", of: saga))
        let replayed = try shop.process(shop.reply(saga, "reserve", .succeeded))
        #expect(try replayed.commands().map(\.type) == ["bank.charge"])
    }

    @Test("F26: when even being stuck cannot be written into the history, the index says it", arguments: [true, false])
    func notEvenStuck(isForgetful: Bool) throws {
        let shop = isForgetful ? try forgetfulShop() : try Shop()
        let saga = try shop.started("1")
        try shop.tamper("CREATE TRIGGER planted BEFORE INSERT ON history BEGIN SELECT RAISE(ABORT, 'planted'); END")
        try shop.process(shop.reply(saga, "reserve", .succeeded))
        #expect(try shop.store.read { try $0.summary(of: saga) }?.status == .stuck)
        #expect(try shop.deadLetters().count == 1)
        #expect(try shop.outbox.isEmpty)

        // With the fault gone, the next input sets the index right.
        try shop.tamper("DROP TRIGGER planted")
        try shop.process(shop.reply(saga, "reserve", .succeeded))
        #expect(try shop.state(saga).status == .running)
        #expect(try shop.store.read { try $0.summary(of: saga) }?.status == .running)
    }

    @Test("F26: a poisoned batch loses no wake-up")
    func wakeUp() throws {
        let shop = try forgetfulShop()
        try shop.tamper(
            """
            CREATE TRIGGER planted BEFORE INSERT ON keys WHEN new.key = 'poison'
            BEGIN SELECT RAISE(ABORT, 'planted'); END
            """)
        _ = try shop.started("1")
        var batch = EngineBatch()
        batch.deliveries = [shop.start("poison", id: "2")]
        batch.timersSince = Shop.start
        var random = SplitMix64(seed: 3)
        let result = try shop.core.process(batch, at: shop.now, using: &random)
        #expect(result.nextWake == shop.now.adding(milliseconds: 1000))
    }

    @Test("F25: an unreadable definition makes its sagas stuck, and only them", arguments: ["reply", "timer"])
    func unreadableDefinition(_ input: String) throws {
        let other = Shop.define(
            """
            saga: other
            version: 1
            key: ${input.order}
            steps:
              - { name: only, participant: stock, action: stock.all, compensation: none, timeout: 1s }
            """)
        let shop = try Shop(.file, definitions: [Shop.definition, other])
        let broken = try shop.started("1")
        let fine = try #require(
            try shop.process(shop.start("2", id: "2", definition: "other")).commands().first?.id.saga)
        try shop.confirmAll()
        try shop.tamper("UPDATE definitions SET source = '{}' WHERE name = 'shop'")
        if input == "reply" {
            try shop.process(shop.reply(broken, "reserve", .succeeded), shop.reply(fine, "only", .succeeded))
            #expect(try shop.state(fine).status == .completed)
            #expect(try shop.deadLetters().map(\.saga) == [broken])
        } else {
            let result = try shop.wake(after: 1000)
            #expect(try shop.state(fine).steps[0].status == .backingOff)
            #expect(result.nextWake == (try shop.state(fine)).wakeAt)
        }
        let summary = try #require(try shop.store.read { try $0.summary(of: broken) })
        #expect(summary.status == .stuck)
        #expect(summary.errorCode == "INTERNAL")
        #expect(shop.notices.contains(.sagaStuck(broken, step: nil, code: "INTERNAL")))
        // It is not looked at for ever.
        #expect(try shop.wake(after: 5000).notices.allSatisfy { $0 != .sagaStuck(broken, step: nil, code: "INTERNAL") })
    }

    @Test func aReplyToAnEndedSagaThatCannotBeReadIsOnlyKept() throws {
        let shop = try forgetfulShop()
        let saga = try shop.started("1")
        try shop.process(shop.request("abandon", of: saga, ["reason": "test"]))
        try shop.tamper("UPDATE history SET format = 99")
        try shop.process(shop.reply(saga, "reserve", .succeeded))
        #expect(try shop.store.read { try $0.summary(of: saga) }?.status == .abandoned)
        #expect(try shop.deadLetters().count == 1)
        #expect(!shop.notices.contains { if case .sagaStuck = $0 { true } else { false } })
    }

    // MARK: Suspects (rule 26)

    /// The worker dies while it handles this message alone.
    private func dies(over delivery: Delivery, in shop: Shop) throws {
        // The counter is written before the message is handled, and the process ends before that commits.
        _ = try shop.store.write { try $0.suspect(delivery.fingerprint) }
        try shop.restart()
    }

    @Test("Rule 26, F19: the third crash over a message makes it a dead letter; its neighbours are handled")
    func thirdCrash() throws {
        let shop = try Shop(.file)
        let poison = shop.start("poison", id: "p")
        for _ in 1...2 { try dies(over: poison, in: shop) }
        #expect(try shop.suspect(shop.start("fine", id: "f")).answers().first?.kind == .accepted)
        try dies(over: poison, in: shop)
        let result = try shop.suspect(poison)
        #expect(try result.answers().isEmpty)
        #expect(try shop.deadLetters().map(\.reason) == ["INTERNAL"])
        // Replayed later it is a message like any other.
        #expect(try shop.suspect(poison).answers().first?.kind == .accepted)
    }

    @Test("F19: kill -9 with a full prefetch, again and again: no healthy message becomes a dead letter")
    func manyCrashes() throws {
        let shop = try Shop(.file)
        let prefetch = (1...20).map { shop.start(.string("\($0)"), id: "\($0)") }
        // Killed twice over each message in turn; those before it were handled, but their acks were lost.
        for _ in 1...2 {
            for (index, victim) in prefetch.enumerated() {
                try dies(over: victim, in: shop)
                for delivery in prefetch[...index] { _ = try shop.suspect(delivery) }
            }
        }
        #expect(try shop.deadLetters().isEmpty)
        #expect(try shop.store.read { try $0.openSagaCount() } == prefetch.count)
    }

    @Test("Rule 26: handled in the end, its crashes are forgotten")
    func cleanPass() throws {
        let shop = try Shop(.file)
        let start = shop.start(id: "s")
        for _ in 1...2 { try dies(over: start, in: shop) }
        #expect(try shop.suspect(start).answers().first?.kind == .accepted)
        for _ in 1...2 { try dies(over: start, in: shop) }
        #expect(try shop.suspect(start).answers().first?.kind == .accepted)
        #expect(try shop.deadLetters().isEmpty)
    }

    @Test("F19, F21: a full disk is no crash")
    func fullDisk() throws {
        let shop = try Shop(.file)
        let start = shop.start("1", amount: .string(String(repeating: "x", count: 200_000)), id: "s")
        try shop.fillDisk()
        for _ in 1...5 { #expect(throws: (any Error).self) { try shop.suspect(start) } }
        try shop.freeDisk()
        #expect(try shop.suspect(start).answers().first?.kind == .accepted)
        #expect(try shop.deadLetters().isEmpty)
    }
}
