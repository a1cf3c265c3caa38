@testable import SagaCore
import Testing

/// cancel, pause, resume, abandon, and how requests are answered: rules 20 and 21.
@Suite struct OperatorStories {
    @Test("Rule 20: cancel compensates")
    func cancel() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock")
        story.operatorDoes(.cancel)
        story.expectApplied()
        story.expect(rollback: .cancelled)
        story.expectNoCommands()
        story.fails("authorize")
        story.expect(commands: "reserve-stock/compensation/1#1")
        story.operatorDoes(.cancel)
        story.expectRefused()
    }

    @Test("Rule 20: a stuck saga is not cancelled")
    func cancelWhenStuck() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.faults()
        story.operatorDoes(.cancel)
        story.expectRefused()
    }

    @Test("Rule 20: pause stops new commands, not replies; resume goes on")
    func pause() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.operatorDoes(.pause)
        story.expectApplied()
        #expect(story.state.wakeAt == nil)
        story.succeeds("reserve-stock")
        story.expect("reserve-stock", .succeeded)
        story.expectNoCommands()
        story.operatorDoes(.pause)
        story.expectRefused()
        story.operatorDoes(.resume)
        story.expect(commands: "authorize/action/1#1")
        story.operatorDoes(.resume)
        story.expectRefused()
    }

    @Test("Rule 20: pause stops compensations too")
    func pauseCompensations() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.operatorDoes(.pause)
        story.fails("capture")
        story.expect(status: .compensating)
        story.expectNoCommands()
        story.operatorDoes(.resume)
        story.expect(commands: "authorize/compensation/1#1")
    }

    @Test("Rule 20: no timer runs while paused; on resume what is overdue is found by the next wake")
    func timersWhilePaused() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.operatorDoes(.pause)
        story.passes(.seconds(60))
        story.wakes()
        story.expectIgnored()
        story.operatorDoes(.resume)
        story.expectNoCommands()
        story.expect("reserve-stock", .inFlight)
        story.wakes()
        story.expect("reserve-stock", .backingOff)
    }

    @Test("Rule 20: on resume replies already recorded win over due timers")
    func repliesWinOverTimers() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.operatorDoes(.pause)
        story.passes(.seconds(60))
        story.succeeds("reserve-stock")
        story.operatorDoes(.resume)
        story.expect(commands: "authorize/action/1#1")
    }

    @Test("Rule 20: on resume a passed deadline applies")
    func deadlineWhilePaused() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock")
        story.operatorDoes(.pause)
        story.passes(.seconds(16 * 60))
        story.succeeds("authorize")
        story.expect(rollback: nil)
        story.operatorDoes(.resume)
        story.expect(rollback: .deadline)
        story.expect(commands: "authorize/compensation/1#1")
    }

    @Test("Rule 20: a last reply may complete a paused saga, or end its compensation")
    func lastReplyWhilePaused() throws {
        let story = try Story(StoryDefinitions.undoable)
        story.succeeds("room")
        story.operatorDoes(.pause)
        story.succeeds("car")
        story.expect(status: .completed)
        let other = try Story(StoryDefinitions.undoable)
        other.succeeds("room")
        other.fails("car")
        other.operatorDoes(.pause)
        other.undone("room")
        other.expect(status: .compensated)
    }

    @Test("Rule 20: a cancel while paused acts on resume")
    func cancelWhilePaused() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.operatorDoes(.pause)
        story.operatorDoes(.cancel)
        story.expectApplied("on resume")
        story.expect(rollback: nil)
        story.succeeds("reserve-stock")
        story.operatorDoes(.resume)
        story.expect(rollback: .cancelled)
        story.expect(commands: "reserve-stock/compensation/1#1")
    }

    @Test("Rule 20: a cancel promised for the resume is not lost to the last reply")
    func cancelThenLastReply() throws {
        let story = try Story(StoryDefinitions.undoable)
        story.succeeds("room")
        story.operatorDoes(.pause)
        story.operatorDoes(.cancel)
        story.succeeds("car")
        story.expect(status: .running)
        story.operatorDoes(.resume)
        story.expect(rollback: .cancelled)
        story.expect(commands: "car/compensation/1#1")
    }

    @Test("Rule 20: a pause postpones budgets, and nothing else")
    func budgetsArePostponed() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        let before = story.state
        story.passes(.seconds(600))
        story.operatorDoes(.pause)
        story.passes(.seconds(7200))
        story.reply("capture", .retry)
        story.expect("capture", .backingOff)
        story.operatorDoes(.resume)
        #expect(
            story.step("capture")?.action.budgetEndsAt
                == before.steps[2].action.budgetEndsAt?.adding(milliseconds: 7_200_000))
        #expect(story.state.deadlineAt == before.deadlineAt)
        story.sleeps()
        story.expect(commands: "capture/action/1#2")
    }

    @Test("Rule 20: while paused, retry, skip and resolve are refused")
    func refusedWhilePaused() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize", "capture")
        story.fails("settle")
        story.operatorDoes(.pause)
        story.operatorDoes(.retry, "settle")
        story.expectRefused()
        story.operatorDoes(.skip, "settle", output: ["receipt": "x"])
        story.expectRefused()
        story.operatorDoes(.resolve, "settle", as: .succeeded, output: ["receipt": "x"])
        story.expectRefused()
        story.operatorDoes(.resume)
        story.expect(status: .stuck)
        story.operatorDoes(.retry, "settle")
        story.expect(commands: "settle/action/2#1")
    }

    @Test("Rule 20: retry of a step that backs off sends it at once, with a fresh budget")
    func retryWhileBackingOff() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.reply("reserve-stock", .retry, after: .seconds(200))
        story.operatorDoes(.retry, "reserve-stock")
        story.expect(commands: "reserve-stock/action/1#2")
        story.reply("reserve-stock", .retry)
        story.expect("reserve-stock", .backingOff)
        #expect(story.state.wakeAt == story.now.adding(milliseconds: 200))
    }

    @Test("Rule 20: retry when nothing backs off or is stuck is refused and says why")
    func retryWithNothingToDo() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.operatorDoes(.retry)
        story.expectRefused()
        story.operatorDoes(.retry, "reserve-stock")
        story.expectRefused()
        story.operatorDoes(.retry, "elsewhere")
        story.expectRefused(.stepUnknown)
    }

    @Test("Rule 20: abandon needs a reason, closes without compensating, and nothing happens afterwards")
    func abandon() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock")
        story.operatorDoes(.abandon)
        story.expectRefused(.fieldMissing)
        story.operatorDoes(.abandon, reason: "")
        story.expectRefused(.fieldMissing)
        story.operatorDoes(.abandon, reason: "settled by phone")
        story.expect(status: .abandoned)
        story.expect(published: "SAGA_ABANDONED")
        story.expectNoCommands()
        #expect(story.state.wakeAt == nil)
        story.passes(.seconds(3600))
        story.wakes()
        story.expectIgnored()
        for verb in OperatorVerb.allCases {
            story.operatorDoes(verb, "authorize", reason: "again", as: .failed)
            story.expectRefused()
        }
    }

    @Test("Rule 20: abandon tells effects that are certain from those still possible")
    func abandonLists() throws {
        let story = try Story(StoryDefinitions.placeOrder)
        story.succeeds("reserve-stock", "authorize-payment", "record-order")
        abandon(story, certain: ["reserve-stock", "authorize-payment", "record-order"], possible: ["commit-stock"])
    }

    @Test("Rule 20: a refused compensation leaves an effect that is certain")
    func abandonAfterRefusedCompensation() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.fails("capture")
        story.fails("authorize", to: .compensation)
        abandon(story, certain: ["reserve-stock", "authorize"], possible: [])
    }

    @Test("Rule 20: a refused compensation of an action that never answered leaves what is possible, not certain")
    func abandonAfterRefusedCompensationOfUnknown() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock")
        story.nobodyReplies(until: .compensating)
        story.fails("authorize", to: .compensation)
        abandon(story, certain: ["reserve-stock"], possible: ["authorize"])
    }

    @Test("Rule 20: a compensation that is out leaves the effect possible; what was undone is not listed")
    func abandonWhileCompensating() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.fails("capture")
        story.undone("authorize")
        abandon(story, certain: [], possible: ["reserve-stock"])
    }

    @Test("Rule 20: the effect of a skipped compensation stays for certain")
    func abandonAfterSkippedCompensation() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.fails("capture")
        story.fails("authorize", to: .compensation)
        story.operatorDoes(.skip, "authorize")
        story.fenceAnswers("authorize", effect: true)
        abandon(story, certain: ["authorize"], possible: ["reserve-stock"])
    }

    @Test("Rule 20: an unknown pivot is possible")
    func abandonUnknownPivot() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.nobodyReplies(until: .stuck)
        abandon(story, certain: ["reserve-stock", "authorize"], possible: ["capture"])
    }

    @Test("Rule 21: the same request id gets the first answer, also a refusal, and does nothing")
    func sameRequestTwice() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.operatorDoes(.resume, id: "r1")
        let refused = try #require(story.last.answer)
        story.operatorDoes(.pause, id: "r1")
        #expect(story.last.verdict == .answeredBefore(refused))
        #expect(story.last.events.isEmpty)
        story.operatorDoes(.pause, id: "r2")
        let applied = try #require(story.last.answer)
        story.operatorDoes(.pause, id: "r2")
        #expect(story.last.verdict == .answeredBefore(applied))
    }

    @Test("F27, rule 21: a request that expects another history is a conflict")
    func conflict() throws {
        let story = try Story(StoryDefinitions.sequential)
        let seen = story.state.sequence
        story.succeeds("reserve-stock")
        story.operatorDoes(.cancel, expecting: seen)
        story.expectRefused(.conflict)
        story.operatorDoes(.cancel, expecting: story.state.sequence)
        story.expectApplied()
    }

    private func abandon(
        _ story: Story, certain: [String], possible: [String], source: SourceLocation = #_sourceLocation
    ) {
        story.operatorDoes(.abandon, reason: "test")
        guard case .abandoned(_, let stays, let open)? = story.last.events.first else {
            Issue.record("not abandoned: \(story.summary)", sourceLocation: source)
            return
        }
        let names = story.state.definition.steps.map(\.name)
        #expect(stays.map { names[$0] } == certain, sourceLocation: source)
        #expect(open.map { names[$0] } == possible, sourceLocation: source)
    }
}
