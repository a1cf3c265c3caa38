import GRDB
import SagaBus
import SagaCore
import Testing

@testable import SagaParticipant

@Suite("Effects outside the database, rule 18")
struct OutsideWorkTests {
    @Test("the key and the parameters are committed before the call is made")
    func startedFirst() throws {
        let story = try Story()
        let outcome = try story.begin(story.command(.action, "counter.call"))
        #expect(outcome.replies.isEmpty)
        #expect(outcome.calls.count == 1)
        #expect(story.gateway.asked.isEmpty)
        let states = try story.database.queue.read { db in
            try String.fetchAll(db, sql: "SELECT state || ' ' || call_key || ' ' || call_parameters FROM barrier")
        }
        #expect(states == [#"started \#(Story.saga)/count/action/1 {"by":1}"#])
    }

    @Test("F1, F2, F3: after a crash between the phases the same call is repeated", arguments: [false, true])
    func crashBetweenPhases(callWasMade: Bool) throws {
        let story = try Story()
        let outcome = try story.begin(story.command(.action, "counter.call"))
        if callWasMade { _ = outcome.calls[0].perform() }
        story.crashes()
        #expect(try story.action("counter.call", attempt: 2).outcome == .succeeded)
        #expect(Set(story.gateway.asked) == [#"\#(Story.saga)/count/action/1 {"by":1}"#])
        #expect(try story.count == 1)
    }

    @Test("a participant that starts again makes unsettled calls without being asked")
    func restartSettles() throws {
        let story = try Story()
        _ = try story.begin(story.command(.action, "counter.call"))
        story.crashes()
        let calls = try story.core.unsettledCalls()
        #expect(calls.count == 1)
        #expect(try story.core.finish(calls.map { $0.perform() }, now: story.now).replies.isEmpty)
        #expect(try story.count == 1)
        #expect(try story.core.unsettledCalls().isEmpty)
    }

    @Test("no definite answer: retry, and the next attempt repeats the call with the same key and parameters")
    func unsettled() throws {
        let story = try Story()
        story.gateway.willAnswer(.unsettled("timed out"), .unsettled("timed out"), .definite("yes"))
        #expect(try story.action("counter.call", attempt: 1).outcome == .retry)
        #expect(try story.action("counter.call", attempt: 2).outcome == .retry)
        #expect(try story.action("counter.call", attempt: 3).outcome == .succeeded)
        #expect(story.gateway.asked.count == 3 && Set(story.gateway.asked).count == 1)
        #expect(try story.count == 1)
    }

    @Test("a definite no is final for the round, and the next round has another key")
    func refused() throws {
        let story = try Story()
        story.gateway.willAnswer(.definite("no"))
        #expect(try story.action("counter.call").body["code"] == "DECLINED")
        #expect(try story.action("counter.call", attempt: 2).body["code"] == "DECLINED")
        #expect(try story.action("counter.call", round: 2).outcome == .succeeded)
        #expect(story.gateway.asked.count == 2 && Set(story.gateway.asked).count == 2)
    }

    @Test("a second attempt while the call is under way does not make it twice")
    func concurrentAttempts() throws {
        let story = try Story()
        let outcome = try story.begin(story.command(.action, "counter.call", attempt: 1))
        let second = try story.begin(story.command(.action, "counter.call", attempt: 2))
        #expect(second.calls.isEmpty)
        #expect(try Reply.decode(second.replies[0].message).outcome == .retry)
        let finished = try story.core.finish([outcome.calls[0].perform()], now: story.now)
        let reply = try Reply.decode(finished.replies[0].message)
        #expect(reply.outcome == .succeeded && reply.attempt == 1)
        #expect(story.gateway.asked.count == 1)
    }

    @Test("a compensation that finds the call unsettled says retry, has it settled, and then undoes what it left")
    func compensationWaits() throws {
        let story = try Story()
        story.gateway.willAnswer(.unsettled("timed out"))
        #expect(try story.action("counter.call").outcome == .retry)
        #expect(try story.compensation("counter.undo-call", attempt: 1).outcome == .retry)
        #expect(try story.count == 1)
        #expect(try story.compensation("counter.undo-call", attempt: 2).outcome == .succeeded)
        #expect(try story.count == 0)
        #expect(
            story.gateway.asked == [
                #"\#(Story.saga)/count/action/1 {"by":1}"#, #"\#(Story.saga)/count/action/1 {"by":1}"#,
                #"\#(Story.saga)/count/compensation/1 {"by":1}"#,
            ])
    }

    @Test("a compensation whose action turns out refused succeeds without effect")
    func compensationOfRefused() throws {
        let story = try Story()
        story.gateway.willAnswer(.unsettled("timed out"), .definite("no"))
        _ = try story.action("counter.call")
        #expect(try story.compensation("counter.undo-call", attempt: 1).outcome == .retry)
        #expect(try story.compensation("counter.undo-call", attempt: 2).outcome == .succeeded)
        #expect(story.gateway.asked.count == 2)
        #expect(try story.effects == 0)
    }

    @Test("an answer that comes when the outcome is already stored changes nothing")
    func lateAnswer() throws {
        let story = try Story()
        let outcome = try story.begin(story.command(.action, "counter.call"))
        story.crashes()
        _ = try story.action("counter.call", attempt: 2)
        let late = try story.core.finish([outcome.calls[0].perform()], now: story.now)
        #expect(try Reply.decode(late.replies[0].message).outcome == .succeeded)
        #expect(try story.count == 1)
    }
}
