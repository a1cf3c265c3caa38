@testable import SagaCore
import Testing

/// Backward recovery: rules 4, 5, 6 and 12.
@Suite struct BackwardStories {
    @Test("Rule 5: a refused step rolls back what was done, in reverse order")
    func refusedStep() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.fails("capture", "CARD_EXPIRED")
        story.expect(status: .compensating)
        story.expect(rollback: .stepFailed, by: "capture")
        story.expect(commands: "authorize/compensation/1#1")
        story.undone("authorize")
        story.expect(commands: "reserve-stock/compensation/1#1")
        story.undone("reserve-stock")
        story.expect(status: .compensated)
        story.expect(published: "CANCELLED")
        story.expect("settle", .pending)
    }

    @Test("Rule 12: a compensation carries the action's input and what is known of its output")
    func compensationBody() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.reply("reserve-stock", .succeeded, ["reservation": "r1"])
        story.fails("authorize")
        #expect(
            story.last.commands.map(\.body)
                == [["input": ["orderId": "order-1"], "output": ["reservation": "r1"]]])
        #expect(story.last.commands.first?.action == "inventory.release")
    }

    @Test("Rule 12: a compensation of an unknown step has no output, and a late success does not change its body")
    func compensationBodyOfUnknown() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.nobodyReplies(until: .compensating)
        story.expect(commands: "reserve-stock/compensation/1#1")
        #expect(story.last.commands.map(\.body) == [["input": ["orderId": "order-1"]]])
        story.succeeds("reserve-stock")
        story.expectNoted()
        story.sleeps()
        story.sleeps()
        story.expect(commands: "reserve-stock/compensation/1#2")
        #expect(story.last.commands.map(\.body) == [["input": ["orderId": "order-1"]]])
    }

    @Test("F8, rule 4: attempts used up with an unknown outcome: the step itself is compensated too")
    func attemptsUsedUp() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock")
        story.sleeps()
        story.expect("authorize", .backingOff)
        story.sleeps()
        story.expect(commands: "authorize/action/1#2")
        story.sleeps()
        story.expect(rollback: .attemptsUsedUp, by: "authorize")
        story.expect(commands: "authorize/compensation/1#1")
        story.undone("authorize", "reserve-stock")
        story.expect(status: .compensated)
    }

    @Test("Rule 4: a step refused at once has nothing to undo")
    func nothingToUndo() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.fails("reserve-stock")
        story.expectNoCommands()
        story.expect(status: .compensated)
    }

    @Test("Rule 5: siblings in flight are waited for before anything is undone")
    func siblingsAreWaitedFor() throws {
        let story = try Story(StoryDefinitions.placeOrder)
        story.succeeds("reserve-stock", "authorize-payment")
        story.fails("record-order")
        story.expect(status: .compensating)
        story.expectNoCommands()
        story.succeeds("commit-stock")
        story.expect(commands: "commit-stock/compensation/1#1")
        story.undone("commit-stock")
        story.expect(commands: "authorize-payment/compensation/1#1")
        story.undone("authorize-payment")
        story.expect(commands: "reserve-stock/compensation/1#1")
        story.undone("reserve-stock")
        story.expect(status: .compensated)
    }

    @Test("Rule 5: a sibling that is refused meanwhile leaves the compensation set")
    func siblingRefused() throws {
        let story = try Story(StoryDefinitions.placeOrder)
        story.succeeds("reserve-stock", "authorize-payment")
        story.fails("record-order")
        story.fails("commit-stock")
        story.expect(commands: "authorize-payment/compensation/1#1")
    }

    @Test("Rule 5: a sibling that does not answer in time is unknown, gets no further attempt, and is compensated")
    func siblingTimesOut() throws {
        let story = try Story(StoryDefinitions.placeOrder)
        story.succeeds("reserve-stock", "authorize-payment")
        story.fails("record-order")
        story.sleeps()
        story.expect(commands: "commit-stock/compensation/1#1")
    }

    @Test("Rule 5: a sibling answering `retry` counts as unknown and gets no further attempt")
    func siblingSaysRetry() throws {
        let story = try Story(StoryDefinitions.placeOrder)
        story.succeeds("reserve-stock", "authorize-payment")
        story.fails("record-order")
        story.reply("commit-stock", .retry)
        story.expect(commands: "commit-stock/compensation/1#1")
    }

    @Test("Rule 5: a sibling that backs off when the saga turns is unknown, gets no further attempt, is compensated")
    func siblingBacksOff() throws {
        let story = try Story(StoryDefinitions.placeOrder)
        story.succeeds("reserve-stock", "authorize-payment")
        story.reply("commit-stock", .retry)
        story.expect("commit-stock", .backingOff)
        story.fails("record-order")
        story.expect(commands: "commit-stock/compensation/1#1")
    }

    @Test("Rule 5: attempts used up and a sibling's next attempt due at one wake: the sibling gets none")
    func turnsWithinOneWake() throws {
        let story = try Story(StoryDefinitions.withoutPivot)
        for attempt in 1...4 {
            story.reply("quote", .retry, attempt: attempt)
            story.sleeps()
        }
        story.reply("room", .retry)
        story.reply("car", .retry)
        story.passes(.seconds(60))
        story.wakes()
        story.expect(rollback: .attemptsUsedUp, by: "quote")
        story.expect("room", .compensating)
        story.expect("car", .compensating)
        story.expect(commands: "room/compensation/1#1", "car/compensation/1#1")
    }

    @Test("Rule 5: an answer before the compensation is dispatched settles the step: failed leaves the set")
    func failedBeforeItsCompensation() throws {
        let story = try Story(StoryDefinitions.placeOrder)
        story.succeeds("reserve-stock", "authorize-payment")
        story.operatorDoes(.pause)
        story.fails("record-order")
        story.reply("commit-stock", .retry)
        story.expect("commit-stock", .unknown)
        story.fails("commit-stock")
        story.expect("commit-stock", .failed)
        story.operatorDoes(.resume)
        story.expect(commands: "authorize-payment/compensation/1#1")
    }

    @Test("Rule 5: an answer before the compensation is dispatched settles the step: succeeded adds its output")
    func succeededBeforeItsCompensation() throws {
        let story = try Story(StoryDefinitions.placeOrder)
        story.succeeds("reserve-stock", "authorize-payment")
        story.operatorDoes(.pause)
        story.fails("record-order")
        story.reply("commit-stock", .retry)
        story.reply("commit-stock", .succeeded, ["committed": 3])
        story.operatorDoes(.resume)
        story.expect(commands: "commit-stock/compensation/1#1")
        #expect(story.last.commands.first?.body["output"] == ["committed": 3])
    }

    @Test("F9, rule 5: an action's success during its compensation is noted once and changes nothing")
    func successDuringCompensation() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.nobodyReplies(until: .compensating)
        story.succeeds("reserve-stock")
        story.expectNoted()
        story.expect("reserve-stock", .compensating)
        story.succeeds("reserve-stock")
        story.expectIgnored()
    }

    @Test("F9, rule 11: an action's success after its compensation is noted, the saga stays compensated")
    func successAfterCompensation() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.nobodyReplies(until: .compensating)
        story.undone("reserve-stock")
        story.expect(status: .compensated)
        story.succeeds("reserve-stock")
        story.expectNoted()
        story.fails("reserve-stock")
        story.expectIgnored()
    }

    @Test("Rule 5: `compensation: none` is not undone, nor waited for beyond its timeout, and may succeed late")
    func compensationNone() throws {
        let story = try Story(StoryDefinitions.withoutPivot)
        story.succeeds("room")
        story.fails("car")
        story.expectNoCommands()
        story.sleeps()
        story.expect("quote", .unknown)
        story.expect(commands: "room/compensation/1#1")
        story.undone("room")
        story.expect(status: .compensated)
        story.succeeds("quote")
        story.expectNoted()
    }

    @Test("F4: an action's success said before its compensation is no late reply when it comes again")
    func successSaidBefore() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.fails("capture")
        story.expect("authorize", .compensating)
        story.succeeds("authorize")
        story.expectIgnored()
        story.undone("authorize")
        story.succeeds("authorize")
        story.expectIgnored()
    }

    @Test("Rule 13: once it goes back, a missing output is of no interest")
    func outputMissingWhileGoingBack() throws {
        let story = try Story(StoryDefinitions.placeOrder)
        story.succeeds("reserve-stock", "authorize-payment")
        story.fails("commit-stock")
        story.reply("record-order", .succeeded)
        story.expect("record-order", .compensating)
        story.expect(rollback: .stepFailed, by: "commit-stock")
    }

    @Test("Rule 5, F4: a repeated reply to a compensation changes nothing")
    func repeatedCompensationReply() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.fails("capture")
        story.undone("authorize")
        story.undone("authorize")
        story.expectIgnored()
        story.fails("authorize", to: .compensation)
        story.expect(deadLetter: .replyContradicts)
    }
}
