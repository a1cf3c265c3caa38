@testable import SagaCore
import Testing

/// What needs a person: rules 8 to 11 and 13.
@Suite struct StuckStories {
    @Test("Rule 8: a refused retriable step makes the saga stuck; the operator's retry opens a new round")
    func refusedRetriable() throws {
        let story = try pastPivot()
        story.fails("settle", "CLOSED")
        story.expect(status: .stuck)
        story.expect(published: "SAGA_STUCK")
        story.expect(problem: "CLOSED", of: "settle")
        story.operatorDoes(.retry)
        story.expect(commands: "settle/action/2#1")
        story.expect(status: .running)
        story.succeeds("settle", "notify")
        story.expect(status: .completed)
    }

    @Test("Rule 2: the retry of an unknown step keeps its round, with a fresh budget")
    func retryOfUnknown() throws {
        let story = try pastPivot()
        story.nobodyReplies(until: .stuck)
        let attempts = try #require(story.step("settle")?.action.attempt)
        story.operatorDoes(.retry, "settle")
        story.expect(commands: "settle/action/1#\(attempts + 1)")
        story.expect(status: .running)
        let retriedAt = story.now
        story.nobodyReplies(until: .stuck)
        #expect(story.now - retriedAt >= 3_600_000)
    }

    @Test("Rule 2: a success in any round answers all rounds: in an earlier one it is no contradiction")
    func successOfAnEarlierRound() throws {
        let story = try pastPivot()
        story.fails("settle")
        story.operatorDoes(.retry)
        story.reply("settle", .succeeded, StoryDefinitions.output, round: 1, attempt: 1)
        story.expect("settle", .succeeded)
        #expect(story.last.events.first?.contradicts == false)
        story.expect(commands: "notify/action/1#1")
    }

    @Test("Rule 2: a refusal of an earlier round was settled in its time")
    func refusalOfAnEarlierRound() throws {
        let story = try pastPivot()
        story.fails("settle")
        story.operatorDoes(.retry)
        story.reply("settle", .failed, round: 1, attempt: 1)
        story.expectIgnored()
        story.expect("settle", .inFlight)
    }

    @Test("Rule 10: a late success settles a stuck step, and the saga goes on by itself")
    func lateSuccess() throws {
        let story = try pastPivot()
        story.nobodyReplies(until: .stuck)
        story.succeeds("settle")
        story.expect(status: .running)
        story.expect(problem: nil, of: "settle")
        story.expect(commands: "notify/action/1#1")
    }

    @Test("Rule 10: a late refusal of a stuck step keeps the saga stuck; asking again takes a new round")
    func lateRefusal() throws {
        let story = try pastPivot()
        story.nobodyReplies(until: .stuck)
        story.fails("settle", "CLOSED")
        story.expect("settle", .failed)
        story.expect(status: .stuck)
        story.expect(problem: "CLOSED", of: "settle")
        story.operatorDoes(.retry, "settle")
        story.expect(commands: "settle/action/2#1")
    }

    @Test("Rule 10: while stuck, what is in flight finishes its attempts and nothing new starts")
    func othersFinish() throws {
        let story = try Story(StoryDefinitions.onlyRetriable)
        story.fails("pick")
        story.expect(status: .stuck)
        story.reply("print", .retry)
        story.sleeps()
        story.expect(commands: "print/action/1#2")
        story.succeeds("print")
        story.expectNoCommands()
        story.expect(status: .stuck)
        story.operatorDoes(.retry)
        story.expect(commands: "pick/action/2#1")
        story.succeeds("pick")
        story.expect(commands: "ship/action/1#1")
    }

    @Test("Rule 10: with several stuck steps the saga goes on when the last is settled")
    func severalStuckSteps() throws {
        let story = try Story(StoryDefinitions.onlyRetriable)
        story.fails("pick")
        story.fails("print")
        story.expect(published: "SAGA_STUCK")
        story.operatorDoes(.retry, "pick")
        story.expect(commands: "pick/action/2#1")
        story.expect(status: .stuck)
        story.succeeds("pick")
        story.expect(status: .stuck)
        story.operatorDoes(.retry)
        story.expect(commands: "print/action/2#1")
        story.expect(status: .running)
        story.succeeds("print")
        story.expect(commands: "ship/action/1#1")
    }

    @Test("F12, rule 9: a refused compensation: stuck, earlier ones wait; retry opens a new round")
    func refusedCompensation() throws {
        let story = try compensating()
        story.fails("authorize", "VOIDED_ALREADY", to: .compensation)
        story.expect("authorize", .compensationFailed)
        story.expect(status: .stuck)
        story.expect(published: "SAGA_STUCK")
        story.expectNoCommands()
        #expect(story.state.wakeAt == nil)
        story.operatorDoes(.retry, "authorize")
        story.expect(commands: "authorize/compensation/2#1")
        story.expect(status: .compensating)
        story.undone("authorize")
        story.expect(commands: "reserve-stock/compensation/1#1")
    }

    @Test("F4, F12: a compensation's refusal again changes nothing, also after a retry")
    func refusedCompensationTwice() throws {
        let story = try compensating()
        story.fails("authorize", to: .compensation)
        story.fails("authorize", to: .compensation)
        story.expectIgnored()
        story.operatorDoes(.retry, "authorize")
        story.reply("authorize", .failed, to: .compensation, round: 1, attempt: 1)
        story.expectIgnored()
        story.expect("authorize", .compensating)
        story.fails("authorize", to: .compensation)
        story.operatorDoes(.retry, "authorize")
        story.expect(commands: "authorize/compensation/3#1")
    }

    @Test("F12, rule 9: a compensation without an answer for its duration: stuck; retry keeps the round")
    func unansweredCompensation() throws {
        let story = try compensating()
        story.nobodyReplies(until: .stuck)
        story.expect("authorize", .compensationFailed)
        let attempts = try #require(story.step("authorize")?.compensation.attempt)
        story.operatorDoes(.retry, "authorize")
        story.expect(commands: "authorize/compensation/1#\(attempts + 1)")
    }

    @Test("Rule 10: a late success of a stuck compensation lets the saga go on by itself")
    func lateCompensation() throws {
        let story = try compensating()
        story.nobodyReplies(until: .stuck)
        story.undone("authorize")
        story.expect(status: .compensating)
        story.expect(commands: "reserve-stock/compensation/1#1")
    }

    @Test("Rule 11: a compensation that succeeds after it was refused is undone, and says so")
    func compensationContradicts() throws {
        let story = try compensating()
        story.fails("authorize", to: .compensation)
        story.undone("authorize")
        story.expect("authorize", .compensated)
        #expect(story.last.events.first?.contradicts == true)
        story.expect(commands: "reserve-stock/compensation/1#1")
    }

    @Test("Rule 2: a compensation that succeeds in an earlier round is undone")
    func earlierRoundOfCompensation() throws {
        let story = try compensating()
        story.fails("authorize", to: .compensation)
        story.operatorDoes(.retry)
        story.reply("authorize", .failed, to: .compensation, round: 1, attempt: 1)
        story.expectIgnored()
        story.reply("authorize", .succeeded, to: .compensation, round: 1, attempt: 1)
        story.expect("authorize", .compensated)
        #expect(story.last.events.first?.contradicts == false)
    }

    @Test("Rule 13: OUTPUT_MISSING before the point of no return rolls back, the step's effect included")
    func outputMissingBefore() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.reply("reserve-stock", .succeeded, ["nothing": 1])
        story.expect(rollback: .outputMissing, by: "reserve-stock")
        story.expect(commands: "reserve-stock/compensation/1#1")
    }

    @Test("Rule 13: OUTPUT_MISSING after the point of no return is stuck until someone supplies the output")
    func outputMissingAfter() throws {
        let story = try pastPivot()
        story.reply("settle", .succeeded, ["nothing": 1])
        story.expect("settle", .succeeded)
        story.expect(status: .stuck)
        story.expect(problem: "OUTPUT_MISSING", of: "settle")
        story.operatorDoes(.retry, "settle")
        story.expectRefused()
        story.operatorDoes(.resolve, "settle", as: .succeeded)
        story.expectRefused(.outputMissing)
        story.operatorDoes(.skip, "settle", output: ["receipt": "n7"])
        story.expectRefused()
        story.operatorDoes(.resolve, "settle", as: .succeeded, output: ["receipt": "n7"])
        story.expectApplied("output supplied")
        story.expect(commands: "notify/action/1#1")
        #expect(story.last.commands.first?.body == ["receipt": "n7"])
        story.expect(status: .running)
    }

    @Test("Rule 13: the pivot's own output missing is stuck, never compensated")
    func pivotOutputMissing() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.reply("capture", .succeeded)
        story.expect(status: .stuck)
        story.expect(rollback: nil)
        story.operatorDoes(.resolve, "capture", as: .succeeded, output: ["capture": "c9"])
        story.expect(commands: "settle/action/1#1")
    }

    @Test("Rule 26: a fault of ours makes the saga stuck; retry without a step goes on")
    func internalFault() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.faults()
        story.expect(status: .stuck)
        story.expect(problem: "INTERNAL")
        story.succeeds("reserve-stock")
        story.expectNoCommands()
        story.operatorDoes(.retry)
        story.expectApplied()
        story.expect(status: .running)
        story.expect(problem: nil)
        story.expect(commands: "authorize/action/1#1")
    }

    @Test("Rule 26: a step refused while the saga is stuck for a fault: it stays stuck, then rolls back")
    func turnsWhileStuck() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock")
        story.faults()
        story.fails("authorize")
        story.expect(rollback: .stepFailed, by: "authorize")
        story.expect(status: .stuck)
        story.expectNoCommands()
        story.operatorDoes(.retry)
        story.expect(status: .compensating)
        story.expect(commands: "reserve-stock/compensation/1#1")
    }

    @Test("Rule 5: turned round while stuck, a step that backs off gets no further attempt")
    func backsOffWhileStuck() throws {
        let story = try Story(StoryDefinitions.withoutPivot)
        story.reply("car", .retry)
        story.faults()
        story.fails("room")
        story.expect("car", .unknown)
        story.passes(.seconds(30))
        story.wakes()
        story.expectNoCommands()
        story.operatorDoes(.retry)
        story.expect(commands: "car/compensation/1#1")
    }

    @Test("Rule 26: retry with a fault and a step that retry cannot help says so, and does not pretend to go on")
    func faultAndMissingOutput() throws {
        let story = try pastPivot()
        story.faults()
        story.reply("settle", .succeeded)
        story.operatorDoes(.retry)
        story.expectRefused()
        story.operatorDoes(.resolve, "settle", as: .succeeded, output: ["receipt": "n7"])
        story.expect(status: .stuck)
        story.operatorDoes(.retry)
        story.expect(status: .running)
        story.expect(commands: "notify/action/1#1")
    }

    @Test("Rule 26: a fault of an ended saga is a dead letter")
    func faultAfterTheEnd() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.fails("reserve-stock")
        story.faults()
        story.expect(deadLetter: .internal)
    }

    private func pastPivot() throws -> Story {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize", "capture")
        return story
    }

    private func compensating() throws -> Story {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.fails("capture")
        return story
    }
}
