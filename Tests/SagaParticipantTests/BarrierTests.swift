import GRDB
import SagaBus
import SagaCore
import Testing

@testable import SagaParticipant

@Suite("Barrier: a command takes effect once")
struct BarrierTests {
    @Test("Rule 2, F3, F7: every attempt of a round gets the first one's answer")
    func repeated() throws {
        let story = try Story()
        let first = try story.action(attempt: 1)
        let second = try story.action(attempt: 2)
        #expect(first.outcome == .succeeded && second.outcome == .succeeded)
        #expect(first.body == second.body)
        #expect(second.attempt == 2)
        #expect(try story.effects == 1)
    }

    @Test("Rule 2, F3: the barrier outlives the process")
    func afterCrash() throws {
        let story = try Story()
        let first = try story.action()
        story.crashes()
        #expect(try story.action().body == first.body)
        #expect(try story.effects == 1)
    }

    @Test("Rule 2: a failure is final for its round and leaves nothing")
    func failedIsFinal() throws {
        let story = try Story()
        let refused = try story.action("counter.refuse")
        #expect(refused.outcome == .failed)
        #expect(refused.body["code"] == "NO")
        #expect(try story.action("counter.add", attempt: 2).body == refused.body)
        #expect(try story.effects == 0)
    }

    @Test("Rule 2: the next round after a failure is executed, and its success answers all rounds")
    func nextRound() throws {
        let story = try Story()
        _ = try story.action("counter.refuse", round: 1)
        let second = try story.action(round: 2)
        #expect(second.outcome == .succeeded)
        #expect(try story.action(round: 1).body == second.body)
        #expect(try story.action(round: 3).body == second.body)
        #expect(try story.effects == 1)
    }

    @Test("Rules 1 and 2: retry is not kept and what the handler wrote is rolled back")
    func retryIsNotKept() throws {
        let story = try Story()
        let later = try story.action("counter.later")
        #expect(later.outcome == .retry)
        #expect(later.retryAfterMilliseconds == 700)
        #expect(try story.effects == 0)
        #expect(try story.action("counter.add", attempt: 2).outcome == .succeeded)
        #expect(try story.effects == 1)
    }

    @Test("Rule 12: a compensation gets what its action returned, as stored here")
    func compensationGetsOutput() throws {
        let story = try Story()
        let row = try story.action().body["row"]
        #expect(try story.compensation().body["undoes"] == row)
        #expect(try story.count == 0)
    }

    @Test("Rule 16: a compensation is executed once")
    func compensationRepeated() throws {
        let story = try Story()
        _ = try story.action()
        let first = try story.compensation()
        #expect(try story.compensation(attempt: 2).body == first.body)
        #expect(try story.compensation(round: 2).body == first.body)
        #expect(try story.count == 0)
        #expect(try story.effects == 2)
    }

    @Test("Rule 9: a compensation that failed is executed again in the next round only")
    func compensationFailed() throws {
        let story = try Story()
        _ = try story.action()
        #expect(try story.compensation("counter.refuse-removal").outcome == .failed)
        #expect(try story.compensation("counter.remove", attempt: 2).outcome == .failed)
        #expect(try story.compensation("counter.remove", round: 2).outcome == .succeeded)
        #expect(try story.count == 0)
    }

    @Test("F10, rule 17: a compensation that comes first succeeds without effect")
    func emptyCompensation() throws {
        let story = try Story()
        #expect(try story.compensation().outcome == .succeeded)
        #expect(try story.effects == 0)
        // It has left a tombstone.
        #expect(try story.action().body["code"] == "FENCED")
        #expect(try story.effects == 0)
    }

    @Test("F11, rule 17: the action that comes after it is refused in every round", arguments: [1, 2])
    func hangingAction(round: Int) throws {
        let story = try Story()
        _ = try story.compensation()
        let late = try story.action(round: round)
        #expect(late.outcome == .failed)
        #expect(late.body["code"] == "FENCED")
        #expect(try story.effects == 0)
    }

    @Test("Rule 17: compensating a failed action succeeds without effect and closes it")
    func compensationOfFailure() throws {
        let story = try Story()
        _ = try story.action("counter.refuse")
        #expect(try story.compensation().outcome == .succeeded)
        #expect(try story.action(round: 2).body["code"] == "FENCED")
        #expect(try story.effects == 0)
    }

    @Test("an action that comes again after it was undone is answered, not executed")
    func actionAfterCompensation() throws {
        let story = try Story()
        let first = try story.action()
        _ = try story.compensation()
        #expect(try story.action(attempt: 2).body == first.body)
        #expect(try story.count == 0)
    }

    @Test(
        "I2: the schema refuses a second success, a second call under way, and a final outcome that changes",
        arguments: [
            "INSERT INTO barrier "
                + "SELECT saga, step, kind, 2, state, type, result, 1, NULL, NULL, NULL, 0, 0 FROM barrier",
            "UPDATE barrier SET state = 'failed', had_effect = 0", "UPDATE barrier SET result = '{}'",
            "INSERT INTO barrier VALUES (1, 's', 'action', 1, 'started', 't', NULL, 0, 'k', '{}', '{}', 0, 0), "
                + "(1, 's', 'compensation', 1, 'started', 't', NULL, 0, 'k', '{}', '{}', 0, 0)",
            "INSERT INTO barrier VALUES (1, 's', 'action', 1, 'started', 't', NULL, 0, NULL, NULL, NULL, 0, 0)",
        ])
    func schema(sql: String) throws {
        let story = try Story()
        _ = try story.action()
        #expect(throws: DatabaseError.self) { try story.database.queue.write { try $0.execute(sql: sql) } }
    }

    @Test("steps and sagas do not get in each other's way")
    func independent() throws {
        let story = try Story()
        _ = try story.compensation()
        let other = SagaID(rawValue: Story.saga.rawValue + 1)
        #expect(try story.send(story.command(.action, "counter.add", step: "other")).outcome == .succeeded)
        #expect(try story.send(story.command(.action, "counter.add", saga: other)).outcome == .succeeded)
        #expect(try story.count == 2)
    }
}

@Suite("Barrier: the fence")
struct FenceTests {
    @Test("Rule 7: a fence that finds an effect returns it, and the step still answers")
    func effectStands() throws {
        let story = try Story()
        let done = try story.action()
        let answer = try story.fence(closing: "action")
        #expect(answer.outcome == .succeeded)
        #expect(answer.body == done.body)
        #expect(try story.compensation().outcome == .succeeded)
        #expect(try story.count == 0)
    }

    @Test("Rule 7: a fence that finds nothing closes the action for good")
    func nothingThere() throws {
        let story = try Story()
        #expect(try story.fence(closing: "action").body["code"] == "FENCED")
        #expect(try story.action().body["code"] == "FENCED")
        #expect(try story.fence(closing: "action").body["code"] == "FENCED")
        #expect(try story.compensation().outcome == .succeeded)
        #expect(try story.effects == 0)
    }

    @Test("Rule 7: a fence after a failure closes the rounds to come")
    func afterFailure() throws {
        let story = try Story()
        _ = try story.action("counter.refuse")
        #expect(try story.fence(closing: "action").body["code"] == "FENCED")
        #expect(try story.action(round: 2).body["code"] == "FENCED")
        #expect(try story.effects == 0)
    }

    @Test("Rule 20: closing the step keeps a late compensation from undoing what a person settled")
    func closesCompensation() throws {
        let story = try Story()
        _ = try story.action()
        #expect(try story.fence(closing: "step").outcome == .succeeded)
        let late = try story.compensation()
        #expect(late.outcome == .failed && late.body["code"] == "FENCED")
        #expect(try story.count == 1)
    }

    @Test("Rule 20: closing an untouched step closes both")
    func closesUntouchedStep() throws {
        let story = try Story()
        #expect(try story.fence(closing: "step").body["code"] == "FENCED")
        #expect(try story.compensation().body["code"] == "FENCED")
        #expect(try story.action().body["code"] == "FENCED")
        #expect(try story.effects == 0)
    }

    @Test("Rule 20: an action undone before the fence does not stand, and its compensation still answers")
    func compensated() throws {
        let story = try Story()
        _ = try story.action()
        _ = try story.compensation()
        #expect(try story.fence(closing: "step").body["code"] == "FENCED")
        #expect(try story.compensation(attempt: 2).outcome == .succeeded)
    }

    @Test("Rule 7: while a call is under way the fence says retry")
    func whileStarted() throws {
        let story = try Story()
        _ = try story.begin(story.command(.action, "counter.call"))
        #expect(try story.fence(closing: "action").outcome == .retry)
    }

    @Test("a fence that does not say what to close is no answer")
    func unclear() throws {
        let story = try Story()
        #expect(try story.fence(closing: "everything").body["code"] == "BAD_COMMAND")
        #expect(try story.action().outcome == .succeeded)
    }
}

@Suite("Barrier: 30 days")
struct BarrierAgeTests {
    static let days: Int64 = 86_400_000

    @Test(
        "Rule 19: a command older than the barrier's memory is refused without effect",
        arguments: [CommandID.Kind.action, .compensation])
    func expired(kind: CommandID.Kind) throws {
        let story = try Story()
        story.now = Story.now.adding(milliseconds: 30 * Self.days + 1)
        let reply = kind == .action ? try story.action() : try story.compensation()
        #expect(reply.outcome == .failed)
        #expect(reply.body["code"] == "COMMAND_EXPIRED")
        #expect(try story.effects == 0)
    }

    @Test("Rule 19: while its outcome is kept, an old command is answered")
    func oldButKnown() throws {
        let story = try Story()
        let first = try story.action()
        story.now = Story.now.adding(milliseconds: 29 * Self.days)
        try story.core.maintain(now: story.now)
        #expect(try story.action().body == first.body)
        story.now = Story.now.adding(milliseconds: 40 * Self.days)
        #expect(try story.action().body == first.body)
    }

    @Test("Rule 19: what was pruned is refused, even if the clock goes back")
    func pruned() throws {
        let story = try Story()
        _ = try story.action()
        try story.core.maintain(now: Story.now.adding(milliseconds: 31 * Self.days))
        story.now = Story.now
        #expect(try story.action().body["code"] == "COMMAND_EXPIRED")
        #expect(try story.effects == 1)
    }

    @Test("Rule 18: a call that is not settled is never pruned")
    func startedIsKept() throws {
        let story = try Story()
        _ = try story.begin(story.command(.action, "counter.call"))
        try story.core.maintain(now: Story.now.adding(milliseconds: 90 * Self.days))
        story.crashes()
        #expect(try story.action("counter.call").outcome == .succeeded)
    }
}
