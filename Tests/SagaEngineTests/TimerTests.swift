import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

@Suite("Timers and the outbox")
struct TimerTests {
    @Test("F7: no reply in time gives another attempt of the same command", arguments: Storage.allCases)
    func replyLost(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let saga = try shop.started()
        #expect(try shop.wake(after: 999).outgoing.isEmpty)
        #expect(try shop.wake(after: 1).outgoing.isEmpty)
        #expect(try shop.state(saga).steps[0].status == .backingOff)
        let second = try shop.wake(after: 100)
        #expect(try second.commands().map(\.id) == [CommandID(saga: saga, step: "reserve", kind: .action, round: 1)])
        #expect(try second.commands().map(\.attempt) == [2])
    }

    @Test("Rule 3: a command that never left is waited for anew, and not counted", arguments: Storage.allCases)
    func unsent(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let result = try shop.process(shop.start())
        let saga = try #require(try result.commands().first?.id.saga)
        for _ in 1...5 { #expect(try shop.wake(after: 1000).outgoing.isEmpty) }
        let state = try shop.state(saga)
        #expect(state.steps[0].action.attempt == 1)
        #expect(state.steps[0].action.isInFlight)
        try shop.confirmAll()
        try shop.wake(after: 1000)
        #expect(try shop.state(saga).steps[0].status == .backingOff)
    }

    @Test("Rule 3: a confirmed command has left, though its row is still there")
    func confirmed() throws {
        let shop = try Shop()
        let result = try shop.process(shop.start())
        let saga = try #require(try result.commands().first?.id.saga)
        for row in result.outgoing { shop.core.wasConfirmed(row.id) }
        try shop.wake(after: 1000)
        #expect(try shop.state(saga).steps[0].status == .backingOff)
    }

    @Test("Rule 3: replies could not arrive during an outage, so it does not count")
    func outage() throws {
        let shop = try Shop()
        let saga = try shop.started()
        try shop.wake(after: 60_000, connectedSince: shop.now.adding(milliseconds: 59_500))
        #expect(try shop.state(saga).steps[0].action.isInFlight)
        #expect(try shop.state(saga).wakeAt == shop.now.adding(milliseconds: 500))
    }

    @Test("F16: a command that came back is timed by its step, and a newer attempt replaces it")
    func returned() throws {
        let shop = try Shop()
        let result = try shop.process(shop.start(replyTo: nil))
        let row = try #require(result.outgoing.first { $0.command != nil })
        let saga = try #require(row.command?.saga)
        try shop.tamper("DELETE FROM outbox WHERE command IS NULL")
        shop.core.wasReturned(row.id)
        #expect(try shop.outbox == [row])
        for attempt in 2...3 {
            try shop.wake(after: 1000)
            #expect(try shop.state(saga).steps[0].status == .backingOff)
            let before = try #require(try shop.outbox.first)
            let next = try shop.wake(after: 1000)
            #expect(try next.commands().map(\.attempt) == [attempt])
            #expect(next.replaced == [before.id])
            #expect(try shop.outbox == next.outgoing)
            shop.core.wasReturned(next.outgoing[0].id)
        }
        // The third attempt was the last: backward, to undo what may have arrived.
        let last = try shop.wake(after: 1000)
        #expect(try last.commands().map(\.id.kind) == [.compensation])
    }

    @Test("Rule 3: a newer attempt replaces one that has not left")
    func replaced() throws {
        let shop = try Shop()
        let saga = try shop.started()
        try shop.process(shop.reply(saga, "reserve", .succeeded))
        try shop.confirmAll()
        try shop.process(shop.reply(saga, "charge", .failed, ["code": "NO"]))
        // The compensation is still in the outbox when its participant answers an operator's wish for another attempt.
        let first = try #require(try shop.outbox.first { $0.command?.kind == .compensation })
        try shop.process(shop.reply(saga, "reserve", .retry, ["code": "LATER"], kind: .compensation))
        let second = try shop.wake(after: 1000)
        #expect(second.replaced == [first.id])
        #expect(try second.commands().map(\.attempt) == [2])
        #expect(try shop.outbox.filter { $0.command?.kind == .compensation }.map(\.id) == [second.outgoing[0].id])
    }

    @Test("The deadline turns a saga back once")
    func deadline() throws {
        let shop = try Shop()
        let saga = try shop.started()
        try shop.process(shop.reply(saga, "reserve", .succeeded))
        try shop.process(shop.request("pause", of: saga))
        try shop.confirmAll()
        let result = try shop.wake(after: 900_000)
        #expect(result.outgoing.isEmpty)
        #expect(result.nextWake == nil, "a paused saga waits for nobody")
        let resumed = try shop.process(shop.request("resume", of: saga, id: "op2"))
        #expect(try resumed.commands().isEmpty)
        #expect(try shop.state(saga).rollback?.reason == .deadline)
    }

    @Test("Many due timers are run in more than one batch, earliest first")
    func batches() throws {
        var settings = EngineSettings()
        settings.batchLimit = 3
        let shop = try Shop(settings: settings)
        for number in 1...4 { _ = try shop.started(.string("\(number)")) }
        #expect(try shop.wake(after: 1000).hasMoreTimers)
        #expect(try !shop.wake(after: 0).hasMoreTimers)
        #expect(try shop.wake(after: 99).outgoing.isEmpty)
        #expect(try shop.wake(after: 1).outgoing.count == 3)
        #expect(try shop.wake(after: 0).outgoing.count == 1)
    }

    @Test func anIndexBehindItsHistoryIsSetRight() throws {
        let shop = try Shop()
        let saga = try shop.started()
        try shop.tamper("UPDATE sagas SET wake_at = 1")
        let result = try shop.wake(after: 0)
        #expect(result.outgoing.isEmpty)
        #expect(result.nextWake == (try shop.state(saga)).wakeAt)
    }

    @Test("Rule 23: the window counts commands that are not overdue, and opens again with some room")
    func window() throws {
        var settings = EngineSettings()
        settings.sagasInFlight = 8
        let shop = try Shop(settings: settings)
        var sagas: [SagaID] = []
        for number in 1...7 { sagas.append(try shop.started(.string("\(number)"))) }
        #expect(shop.core.mayAdmitStarts(at: shop.now))
        sagas.append(try shop.started("8"))
        #expect(!shop.core.mayAdmitStarts(at: shop.now))
        try shop.process(shop.reply(sagas[0], "reserve", .failed, ["code": "NO"]))
        #expect(shop.core.mayAdmitStarts(at: shop.now))
        #expect(!shop.core.mayAdmitStarts(at: shop.now, wasFull: true))
        try shop.process(shop.reply(sagas[1], "reserve", .failed, ["code": "NO"]))
        #expect(shop.core.mayAdmitStarts(at: shop.now, wasFull: true))
        // Overdue ones do not stop the shop.
        try shop.process(shop.start("9"), shop.start("10"))
        #expect(!shop.core.mayAdmitStarts(at: shop.now))
        #expect(shop.core.mayAdmitStarts(at: shop.now.adding(milliseconds: 1000)))
    }
}
