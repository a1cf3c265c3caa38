@testable import SagaCore
import Testing

/// Participants that say one thing and then another: rule 11, F5.
@Suite struct ContradictionStories {
    @Test("F5: failed after succeeded is a dead letter")
    func failedAfterSucceeded() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock")
        story.fails("reserve-stock")
        story.expect(deadLetter: .replyContradicts)
        story.expect(status: .running)
    }

    @Test("F5: succeeded after failed joins the compensation set")
    func joinsTheCompensationSet() throws {
        let story = try Story(StoryDefinitions.placeOrder)
        story.succeeds("reserve-stock", "authorize-payment")
        story.fails("record-order")
        story.reply("record-order", .succeeded, ["entry": "e1"])
        story.expect("record-order", .succeeded)
        #expect(story.last.events.first?.contradicts == true)
        story.succeeds("commit-stock")
        story.expect(commands: "record-order/compensation/1#1", "commit-stock/compensation/1#1")
        story.undone("commit-stock")
        story.expectNoCommands()
        story.undone("record-order")
        story.expect(commands: "authorize-payment/compensation/1#1")
    }

    @Test("F5: succeeded after failed when the steps before it are being undone: stuck; retry undoes it")
    func tooLateToJoin() throws {
        let story = try Story(StoryDefinitions.placeOrder)
        story.succeeds("reserve-stock", "authorize-payment")
        story.fails("record-order")
        story.fails("commit-stock")
        story.expect("authorize-payment", .compensating)
        story.reply("record-order", .succeeded, ["entry": "e1"])
        story.expect(status: .stuck)
        story.expect(problem: "REPLY_CONTRADICTS", of: "record-order")
        story.expect(published: "SAGA_STUCK")
        story.undone("authorize-payment")
        story.expectNoCommands()
        story.operatorDoes(.skip, "record-order")
        story.expectRefused()
        story.operatorDoes(.retry, "record-order")
        story.expect(status: .compensating)
        story.expect(commands: "record-order/compensation/1#1")
        story.undone("record-order")
        story.expect(commands: "reserve-stock/compensation/1#1")
        story.undone("reserve-stock")
        story.expect(status: .compensated)
    }

    @Test("F5: a pivot that succeeded after it was refused stops the compensations: stuck, to be abandoned")
    func pivotContradicts() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.fails("capture")
        story.succeeds("capture")
        story.expect(status: .stuck)
        story.undone("authorize")
        story.expectNoCommands()
        story.operatorDoes(.retry, "capture")
        story.expectRefused()
        story.operatorDoes(.resolve, "capture", as: .failed)
        story.expectRefused()
        story.operatorDoes(.abandon, reason: "refunded by hand")
        story.expect(status: .abandoned)
    }

    @Test("F5: a step whose effect may stay is no reason to be stuck")
    func compensationNoneContradicts() throws {
        let story = try Story(StoryDefinitions.withoutPivot)
        story.succeeds("room")
        story.fails("quote")
        story.succeeds("quote")
        story.expect(status: .compensating)
        story.fails("car")
        story.expect(commands: "room/compensation/1#1")
        story.undone("room")
        story.expect(status: .compensated)
    }

    @Test("F5: a retriable step that succeeded after all lets the saga go on")
    func retriableContradicts() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize", "capture")
        story.fails("settle")
        story.succeeds("settle")
        #expect(story.last.events.first?.contradicts == true)
        story.expect(status: .running)
        story.expect(commands: "notify/action/1#1")
    }

    @Test("F5: succeeded after failed when the saga has ended is a dead letter")
    func contradictsTheEnd() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.fails("reserve-stock")
        story.expect(status: .compensated)
        story.succeeds("reserve-stock")
        story.expect(deadLetter: .replyContradicts)
    }

    @Test("Rules 5 and 11: failed after the tombstone changes nothing")
    func failedAfterTombstone() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.nobodyReplies(until: .compensating)
        story.fails("reserve-stock", "TOMBSTONED")
        story.expectNoted()
        story.expect("reserve-stock", .compensating)
        story.fails("reserve-stock", "TOMBSTONED")
        story.expectIgnored()
        story.undone("reserve-stock")
        story.expect(status: .compensated)
    }

    @Test("Rule 11: after the end the first late reply of a command is noted, further ones are counted")
    func lateRepliesAreNotedOnce() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.operatorDoes(.abandon, reason: "test")
        story.succeeds("reserve-stock")
        story.expectNoted()
        story.succeeds("reserve-stock")
        story.expectIgnored()
        story.reply("reserve-stock", .retry)
        story.expectIgnored()
        story.expect(status: .abandoned)
    }
}

extension SagaEvent {
    var contradicts: Bool {
        if case .succeeded(_, _, _, let contradicts) = self { contradicts } else { false }
    }
}
