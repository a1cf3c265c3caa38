@testable import SagaCore
import Testing

/// The deadline and the point of no return: rules 5 and 6.
@Suite struct DeadlineStories {
    @Test("Rule 6: the deadline before the point of no return rolls back, at once")
    func beforePointOfNoReturn() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock")
        story.reply("authorize", .retry, after: .seconds(10))
        story.passes(.seconds(15 * 60))
        story.wakes()
        story.expect(rollback: .deadline)
        // The attempt that was due as well is not made any more.
        story.expect(commands: "authorize/compensation/1#1")
    }

    @Test("Rule 6: the saga asks to be woken at its deadline")
    func wakeAtDeadline() throws {
        let story = try Story(StoryDefinitions.undoable)
        story.reply("room", .retry, after: .seconds(300))
        story.sleeps()
        story.succeeds("room")
        story.reply("car", .retry, after: .seconds(300))
        story.sleeps()
        story.expect(status: .compensating)
        story.expect(rollback: .deadline)
        story.expect(commands: "car/compensation/1#1")
    }

    @Test("Rule 6: a reply that comes after the deadline does not send the pivot")
    func replyAfterDeadline() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock")
        story.passes(.seconds(15 * 60))
        story.succeeds("authorize")
        story.expect(rollback: .deadline)
        story.expect(commands: "authorize/compensation/1#1")
    }

    @Test("Rule 6: the last reply completes a saga, deadline or not")
    func lastReplyAfterDeadline() throws {
        let story = try Story(StoryDefinitions.undoable)
        story.succeeds("room")
        story.passes(.seconds(600))
        story.succeeds("car")
        story.expect(status: .completed)
    }

    @Test("Rule 6: once the pivot was sent the deadline does nothing")
    func afterPointOfNoReturn() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        #expect(story.state.isPastPointOfNoReturn)
        story.passes(.seconds(16 * 60))
        story.wakes()
        story.expect(status: .running)
        story.expect("capture", .backingOff)
        story.operatorDoes(.cancel)
        story.expectRefused()
    }

    @Test("Rule 6: without a pivot the first retriable step is the point of no return")
    func withoutPivot() throws {
        let story = try Story(StoryDefinitions.withoutPivot)
        story.succeeds("quote", "room")
        #expect(!story.state.isPastPointOfNoReturn)
        story.succeeds("car")
        story.expect(commands: "tell/action/1#1")
        #expect(story.state.isPastPointOfNoReturn)
        story.passes(.seconds(700))
        story.wakes()
        story.expect(status: .running)
        story.operatorDoes(.cancel)
        story.expectRefused()
    }

    @Test("Rule 6: with retriable steps only there is never a way back")
    func onlyRetriable() throws {
        let story = try Story(StoryDefinitions.onlyRetriable)
        story.operatorDoes(.cancel)
        story.expectRefused()
        story.passes(.seconds(120))
        story.wakes()
        story.expect(status: .running)
    }

    @Test("Rule 6: a refused pivot is no point of no return any longer")
    func refusedPivot() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.fails("capture")
        #expect(!story.state.isPastPointOfNoReturn)
        story.expect(commands: "authorize/compensation/1#1")
    }
}
