import SagaBus
import SagaCore
import SagaStore
import Synchronization
import Testing

@testable import SagaEngine

@Suite("The loop's timers, against a bus moved by hand")
struct LoopTimerTests {
    private let shop: Shop
    private let store: SagaStore

    init() throws {
        shop = try Shop()
        store = shop.store
    }

    /// A saga whose command has been out for longer than its timeout when the worker starts, at the clock's time.
    private func overdueSaga() throws -> (SagaID, HandClock) {
        let saga = try shop.started()
        return (saga, HandClock(at: shop.now.adding(milliseconds: 60_000)))
    }

    @Test("Rule 3: no timer fires before the waiting replies are in", arguments: [false, true])
    func drain(isAfterCrash: Bool) async throws {
        let (saga, clock) = try overdueSaga()
        if isAfterCrash { try shop.store.write { try $0.setFact(StoreFact.isOpen, to: "yes") } }
        let bus = HandBus()
        let other = shop.delivery(.replies, shop.reply(saga, "ship", .succeeded).message, isRedelivered: isAfterCrash)
        let reply = shop.delivery(
            .replies, shop.reply(saga, "reserve", .succeeded).message, isRedelivered: isAfterCrash)
        try await shop.orchestrator(bus, clock: clock).run {
            try bus.connect(replies: 2)
            bus.post(.delivery(other))
            // Wakes the loop with one reply still to come.
            try bus.await { $0.acknowledged.count == 1 ? true : nil }
            bus.post(.delivery(reply))
            let command = try Command.decode(try bus.messages(1, to: SkaldNames.commands)[0].message)
            #expect(command.type == "bank.charge")
            try bus.await { $0.acknowledged.count == 2 ? true : nil }
        }
        let events = try store.events(of: saga)
        #expect(!events.contains("backedOff") && !events.contains("rearmed"))
    }

    @Test("Rule 3: after a crash too, a newer attempt does not find the row of the one before it")
    func confirmedBeforeSuspects() async throws {
        let saga = try #require(try shop.process(shop.start(replyTo: nil)).commands().first).id.saga
        try shop.store.write { try $0.setFact(StoreFact.isOpen, to: "yes") }
        let retry = shop.delivery(
            .replies, shop.reply(saga, "reserve", .retry, ["code": "LATER"]).message, isRedelivered: true)
        let request = shop.delivery(
            .operatorRequests, shop.request("retry", of: saga, ["step": "reserve"]).message, isRedelivered: true)
        let rows = Mutex<[Int]>([])
        let bus = HandBus { [store] _ in
            let commands = (try? store.read { try $0.outbox() })?.filter { $0.command != nil }
            rows.withLock { $0.append(commands?.count ?? -1) }
        }
        try await shop.orchestrator(bus, clock: HandClock(at: shop.now)).run {
            try bus.connect()
            let first = try bus.messages(1, to: SkaldNames.commands)[0]
            // In one turn: the row is confirmed when the suspects are handled.
            bus.post(
                .published([PublishResult(token: first.token, outcome: .confirmed)]), .delivery(retry),
                .delivery(request))
            let second = try bus.messages(2, to: SkaldNames.commands)[1]
            #expect(try Command.decode(second.message).attempt == 2)
        }
        #expect(rows.withLock { $0 } == [0, 1])
    }

    @Test("Rule 3: with nothing to drain an overdue wait begins again, then counts")
    func nothingToDrain() async throws {
        let (saga, clock) = try overdueSaga()
        let bus = HandBus()
        try await shop.orchestrator(bus, clock: clock).run { [store] in
            try bus.connect()
            try store.awaitEvent("rearmed", of: saga)
            clock.advance(milliseconds: 1000)
            bus.wake()
            try store.awaitEvent("backedOff", of: saga)
            clock.advance(milliseconds: 100)
            bus.wake()
            let command = try Command.decode(try bus.messages(1, to: SkaldNames.commands)[0].message)
            #expect(command.id.saga == saga)
            #expect(command.attempt == 2)
        }
        #expect(try store.events(of: saga).suffix(3) == ["rearmed", "backedOff", "sent"])
    }

    @Test("Rule 3: a count of waiting replies that is stale holds timers up for a moment only")
    func staleCount() async throws {
        let (saga, clock) = try overdueSaga()
        let bus = HandBus()
        let last = shop.delivery(.replies, shop.reply(saga, "ship", .succeeded).message)
        try await shop.orchestrator(bus, clock: clock).run { [store] in
            try bus.connect(replies: 7)
            bus.post(.delivery(last))
            try bus.await { $0.acknowledged.count == 1 ? true : nil }
            #expect(try !store.events(of: saga).contains("rearmed"))
            clock.advance(milliseconds: 1000)
            bus.wake()
            try store.awaitEvent("rearmed", of: saga)
        }
    }

    @Test("Rule 3: what has arrived before timers are found due comes first, also beyond one batch")
    func mailBeyondBatch() async throws {
        let (saga, clock) = try overdueSaga()
        let whenAcknowledged = Mutex<(@Sendable () -> Void)?>(nil)
        let bus = HandBus { _ in
            whenAcknowledged.withLock { action in
                defer { action = nil }
                return action
            }?()
        }
        let (first, second) = (
            shop.delivery(.replies, shop.reply(saga, "ship", .succeeded).message),
            shop.delivery(.replies, shop.reply(saga, "ship", .succeeded).message)
        )
        let reply = shop.delivery(.replies, shop.reply(saga, "reserve", .succeeded).message)
        try await shop.orchestrator(bus, clock: clock) { $0.batchLimit = 1 }.run { [store] in
            try bus.connect()
            try store.awaitEvent("rearmed", of: saga)
            // On the loop's own thread, as if it had stood still: it finds the timer due, and all of this.
            whenAcknowledged.withLock {
                $0 = {
                    clock.advance(milliseconds: 1000)
                    bus.post(.delivery(second), .delivery(reply))
                }
            }
            bus.post(.delivery(first))
            try bus.await { $0.acknowledged.count == 3 ? true : nil }
        }
        #expect(try !store.events(of: saga).contains("backedOff"))
    }
}
