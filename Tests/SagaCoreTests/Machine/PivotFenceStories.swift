@testable import SagaCore
import Testing

/// The pivot nobody knows about: rule 7.
@Suite struct PivotFenceStories {
    @Test("F8, rule 7: an unknown pivot is retried for its duration, then fenced, never compensated")
    func fenced() throws {
        let story = try atPivot()
        let sentAt = story.now
        story.nobodyReplies(untilFenced: "capture")
        #expect(story.now - sentAt >= 3_600_000)
        story.expect("capture", .unknown)
        story.expect(status: .running)
        story.expect(commands: "capture/fence/1#1")
        let fence = try #require(story.last.commands.first)
        #expect(fence.body == ["close": "action"])
        #expect(fence.action == nil)
        #expect(fence.participant == "payment")
    }

    @Test("Rule 7: the fence finds the effect: forward")
    func effectStands() throws {
        let story = try fencedPivot()
        story.fenceAnswers("capture", effect: true)
        story.expect("capture", .succeeded)
        story.expect(commands: "settle/action/1#1")
    }

    @Test("Rule 7: the fence finds nothing and closes the action: the pivot has failed, backward")
    func barrierClosed() throws {
        let story = try fencedPivot()
        story.fenceAnswers("capture", effect: false)
        story.expect("capture", .failed)
        story.expect(rollback: .stepFailed, by: "capture")
        story.expect(commands: "authorize/compensation/1#1")
    }

    @Test("Rule 7: `retry` and silence repeat the fence in its round")
    func fenceIsRepeated() throws {
        let story = try fencedPivot()
        story.reply("capture", .retry, to: .fence)
        story.sleeps()
        story.expect(commands: "capture/fence/1#2")
        #expect(story.last.commands.first?.body == ["close": "action"])
        story.sleeps()
        story.sleeps()
        story.expect(commands: "capture/fence/1#3")
        story.fenceAnswers("capture", effect: true)
        story.expect("capture", .succeeded)
    }

    @Test("Rule 7: failed with another code than FENCED is no answer to a fence")
    func notUnderstood() throws {
        let story = try fencedPivot()
        story.fails("capture", "BAD_COMMAND", to: .fence)
        story.expectIgnored()
        story.expect("capture", .unknown)
        story.nobodyReplies(until: .stuck)
    }

    @Test("Rule 7: no answer to the fence within its budget: stuck")
    func unanswered() throws {
        let story = try fencedPivot()
        let fencedAt = story.now
        story.nobodyReplies(until: .stuck)
        #expect(story.now - fencedAt >= 3_600_000)
        story.expect("capture", .unknown)
        story.expect(problem: "FENCE_UNANSWERED", of: "capture")
        story.expect(published: "SAGA_STUCK")
        story.expect(rollback: nil)
        #expect(story.state.wakeAt == nil)
    }

    @Test("Rule 10: a late answer to the fence settles the stuck pivot", arguments: [true, false])
    func lateAnswer(effect: Bool) throws {
        let story = try stuckPivot()
        story.fenceAnswers("capture", effect: effect)
        story.expect(commands: effect ? "settle/action/1#1" : "authorize/compensation/1#1")
        story.expect(status: effect ? .running : .compensating)
    }

    @Test("Rule 10: a late reply to the action settles the stuck pivot", arguments: [true, false])
    func lateReply(effect: Bool) throws {
        let story = try stuckPivot()
        if effect { story.succeeds("capture") } else { story.fails("capture") }
        story.expect(commands: effect ? "settle/action/1#1" : "authorize/compensation/1#1")
        story.expect(status: effect ? .running : .compensating)
    }

    @Test("Rule 7: the action's own reply settles the pivot while the fence is out", arguments: [true, false])
    func replyBeatsFence(effect: Bool) throws {
        let story = try fencedPivot()
        if effect { story.succeeds("capture") } else { story.fails("capture") }
        story.expect(commands: effect ? "settle/action/1#1" : "authorize/compensation/1#1")
        story.fenceAnswers("capture", effect: effect)
        story.expectIgnored()
    }

    @Test("Rule 20: retry of a pivot whose fence was not answered asks the action again, then a new fence")
    func retryAfterUnansweredFence() throws {
        let story = try stuckPivot()
        let attempts = try #require(story.step("capture")?.action.attempt)
        story.operatorDoes(.retry, "capture")
        story.expect(commands: "capture/action/1#\(attempts + 1)")
        story.expect(status: .running)
        story.nobodyReplies(untilFenced: "capture")
        story.expect(commands: "capture/fence/2#1")
        story.fenceAnswers("capture", effect: false, round: 1)
        story.expect("capture", .failed)
        story.expect(commands: "authorize/compensation/1#1")
    }

    @Test("Rule 20: retry of a fence that backs off asks it again, with a fresh budget")
    func retryOfFence() throws {
        let story = try fencedPivot()
        story.reply("capture", .retry, to: .fence)
        story.operatorDoes(.retry)
        story.expect(commands: "capture/fence/1#2")
        let retriedAt = story.now
        story.nobodyReplies(until: .stuck)
        #expect(story.now - retriedAt >= 3_600_000)
    }

    @Test("Rules 7 and 20: the pivot's budget ends while paused: the fence goes out on resume")
    func budgetEndsWhilePaused() throws {
        let story = try atPivot()
        story.passes(.seconds(3600))
        story.operatorDoes(.pause)
        story.reply("capture", .retry)
        story.expectNoCommands()
        story.operatorDoes(.resume)
        story.expect(commands: "capture/fence/1#1")
    }

    @Test("Rule 11: an answer to a fence after the end is noted once, an expected one again is ignored")
    func answerAfterTheEnd() throws {
        let story = try fencedPivot()
        story.operatorDoes(.abandon, reason: "test")
        story.fenceAnswers("capture", effect: true)
        story.expectNoted()
        story.fenceAnswers("capture", effect: true)
        story.expectIgnored()
    }

    private func atPivot() throws -> Story {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        return story
    }

    private func fencedPivot() throws -> Story {
        let story = try atPivot()
        story.nobodyReplies(untilFenced: "capture")
        return story
    }

    private func stuckPivot() throws -> Story {
        let story = try fencedPivot()
        story.nobodyReplies(until: .stuck)
        return story
    }
}
