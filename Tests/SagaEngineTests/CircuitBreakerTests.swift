import SagaCore
import SagaStore
import Testing

@testable import SagaEngine

@Suite("F20: the circuit breaker, told everything by hand")
struct CircuitBreakerTests {
    private static let minute: Int64 = 60_000
    private let start = Timestamp(milliseconds: 1_000_000)

    private func command(_ number: Int) -> CommandID {
        CommandID(
            saga: SagaID(milliseconds: Int64(number), shard: 0, sequence: 0), step: "pay", kind: .action, round: 1)
    }

    /// One that has just opened.
    private func opened() -> CircuitBreaker {
        var breaker = CircuitBreaker()
        for number in 1...3 {
            _ = breaker.timedOut(command(number), sentAt: after(-10_000), at: start, limit: 3)
        }
        return breaker
    }

    private func after(_ milliseconds: Int64) -> Timestamp { start.adding(milliseconds: milliseconds) }

    private func look(_ breaker: inout CircuitBreaker, at now: Timestamp) {
        breaker.look(at: now, connectedSince: Timestamp(milliseconds: 0)) { _ in false }
    }

    @Test func opensAfterDifferentCommandsInARow() {
        var breaker = CircuitBreaker()
        func timeout(_ number: Int) -> Bool {
            breaker.timedOut(command(number), sentAt: after(-10_000), at: start, limit: 3)
        }
        #expect(!timeout(1))
        #expect(!timeout(1), "attempts of one command have their own pauses")
        #expect(!timeout(2))
        #expect(!breaker.holds)
        #expect(timeout(3))
        #expect(breaker.holds)
        #expect(breaker.silentSince == after(-10_000))
    }

    @Test("any reply between is a sign of life")
    func replyBetween() {
        var breaker = CircuitBreaker()
        for number in 1...10 {
            let opens = breaker.timedOut(command(number), sentAt: start, at: start, limit: 3)
            #expect(!opens)
            if number % 2 == 0 { breaker.answered(command(99), at: start) }
        }
        #expect(breaker.isFresh)
    }

    @Test("one probe at a time, after pauses that grow to a minute")
    func probes() {
        var breaker = opened()
        var now = start
        var pauses: [Int64] = []
        for number in 1...10 {
            let next = breaker.nextLook(held: 5)
            #expect(breaker.room(at: now) == 0)
            now = next ?? now
            pauses.append(now - (number == 1 ? start : breaker.probedAt?.adding(milliseconds: 30_000) ?? now))
            #expect(breaker.room(at: now) == 1)
            breaker.letOut(command(number), waiting: 30_000, at: now)
            #expect(breaker.room(at: now.adding(milliseconds: 29_999)) == 0)
            now = breaker.nextLook(held: 5) ?? now
            #expect(breaker.probedAt.map { now - $0 } == 30_000)
            look(&breaker, at: now)
        }
        #expect(pauses == [1000, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
        #expect(breaker.nextLook(held: 0) == nil, "nobody waits: nobody is asked")
    }

    @Test("what is out at a time doubles with each round of answers, and it closes when nothing is held")
    func admits() {
        var breaker = opened()
        var now = after(1000)
        var number = 1
        breaker.letOut(command(number), waiting: 30_000, at: now)
        var out = [command(number)]
        var rounds: [Int] = []
        for _ in 1...6 {
            now = now.adding(milliseconds: 10)
            for command in out { breaker.answered(command, at: now) }
            out = []
            rounds.append(breaker.room(at: now))
            for _ in 0..<breaker.room(at: now) {
                number += 1
                out.append(command(number))
                breaker.letOut(command(number), waiting: 30_000, at: now)
            }
            let closes = breaker.closes(held: 1)
            #expect(!closes)
        }
        #expect(rounds == [2, 4, 8, 16, 32, 64])
        let closes = breaker.closes(held: 0)
        #expect(closes && breaker.isFresh)
    }

    @Test("a reply to something else lets nothing out, but the next probe goes at once")
    func otherReply() {
        var breaker = opened()
        breaker.answered(command(77), at: start)
        #expect(breaker.phase == .probing)
        #expect(breaker.room(at: start) == 1)
        breaker.letOut(command(1), waiting: 30_000, at: start)
        breaker.answered(command(78), at: after(1))
        #expect(breaker.room(at: after(1)) == 0)
    }

    @Test("silent again while being let in: one probe at a time again; only slow: half as many")
    func silentAgain() {
        var breaker = opened()
        breaker.letOut(command(1), waiting: 39_000, at: after(1000))
        breaker.answered(command(1), at: after(2000))
        breaker.letOut(command(2), waiting: 30_000, at: after(3000))
        breaker.letOut(command(3), waiting: 30_000, at: after(3000))
        var slow = breaker
        slow.answered(command(2), at: after(4000))
        look(&slow, at: after(33_000))
        #expect(slow.phase == .admitting && slow.window == 1)

        look(&breaker, at: after(33_000))
        #expect(breaker.phase == .probing)
        #expect(breaker.silentSince == after(2000))
        #expect(breaker.room(at: after(33_999)) == 0 && breaker.room(at: after(34_000)) == 1)
    }

    @Test("F13: a probe that has not left, or whose reply could not arrive, is waited for anew")
    func outage() {
        var breaker = opened()
        breaker.letOut(command(1), waiting: 30_000, at: after(1000))
        breaker.look(at: after(31_000), connectedSince: Timestamp(milliseconds: 0)) { _ in true }
        #expect(breaker.nextLook(held: 9) == after(61_000))
        breaker.look(at: after(61_000), connectedSince: after(60_000)) { _ in false }
        #expect(breaker.nextLook(held: 9) == after(91_000))
        look(&breaker, at: after(91_000))
        #expect(breaker.nextLook(held: 9) == after(92_000))
    }

    @Test("F28: after a restart it is still open, and nothing is out")
    func restart() throws {
        var breaker = opened()
        breaker.letOut(command(1), waiting: 30_000, at: after(1000))
        var stored = try #require(breaker.stored(of: "bank"))
        #expect(CircuitBreaker(stored).room(at: after(31_999)) == 0)
        #expect(CircuitBreaker(stored).room(at: after(32_000)) == 1)
        breaker.answered(command(1), at: after(2000))
        stored = try #require(breaker.stored(of: "bank"))
        #expect(stored.window == 2)
        #expect(CircuitBreaker(stored).phase == .probing)
        #expect(CircuitBreaker().stored(of: "bank") == nil)
    }
}
