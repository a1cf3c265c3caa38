@testable import SagaCore
import Testing

/// `skip` and `resolve`, which take effect when the participant has closed the step's barrier: rule 20.
@Suite struct DecisionStories {
    @Test("Rule 20: skip of a stuck retriable step: fenced for the whole step, then passed over")
    func skip() throws {
        let story = try stuckSettle()
        story.operatorDoes(.skip, "settle", output: ["receipt": "by-hand"])
        story.expectApplied("fence")
        story.expect(commands: "settle/fence/1#1")
        #expect(story.last.commands.first?.body == ["close": "step"])
        story.expect(status: .stuck)
        story.fenceAnswers("settle", effect: false)
        story.expect("settle", .skipped)
        story.expect(status: .running)
        story.expect(commands: "notify/action/1#1")
        #expect(story.last.commands.first?.body == ["receipt": "by-hand"])
        story.succeeds("notify")
        story.expect(status: .completed)
    }

    @Test("Rule 20: skip and resolve are refused without the output that later steps reference")
    func outputIsNeeded() throws {
        let story = try stuckSettle()
        story.operatorDoes(.skip, "settle")
        story.expectRefused(.outputMissing)
        story.operatorDoes(.resolve, "settle", as: .succeeded, output: ["other": 1])
        story.expectRefused(.outputMissing)
        story.expectNoCommands()
    }

    @Test("Rule 20: resolve as succeeded takes effect with the given output when the barrier is closed")
    func resolveSucceeded() throws {
        let story = try stuckSettle()
        story.operatorDoes(.resolve, "settle", as: .succeeded, output: ["receipt": "n7"])
        story.fenceAnswers("settle", effect: false)
        story.expect("settle", .succeeded)
        story.expect(commands: "notify/action/1#1")
        #expect(story.last.commands.first?.body == ["receipt": "n7"])
    }

    @Test("Rules 11 and 20: a command refused after a resolve is no dead letter: nobody had said succeeded")
    func fencedCommandAfterResolve() throws {
        let story = try stuckSettle()
        story.operatorDoes(.resolve, "settle", as: .succeeded, output: ["receipt": "n7"])
        story.fenceAnswers("settle", effect: false)
        story.fails("settle", "FENCED")
        story.expectIgnored()
        story.fails("settle")
        story.expectIgnored()
    }

    @Test("Rule 20: a fence that answers with an effect wins over the person", arguments: [true, false])
    func effectWins(skip: Bool) throws {
        let story = try stuckSettle()
        if skip {
            story.operatorDoes(.skip, "settle", output: ["receipt": "by-hand"])
        } else {
            story.operatorDoes(.resolve, "settle", as: .succeeded, output: ["receipt": "by-hand"])
        }
        story.reply("settle", .succeeded, ["receipt": "n1"], to: .fence)
        story.expect("settle", .succeeded)
        story.expect(commands: "notify/action/1#1")
        #expect(story.last.commands.first?.body == ["receipt": "n1"])
    }

    @Test("Rule 20: the step's own success while the fence is out wins as well")
    func lateSuccessWins() throws {
        let story = try stuckSettle()
        story.operatorDoes(.skip, "settle", output: ["receipt": "by-hand"])
        story.reply("settle", .succeeded, ["receipt": "n1"])
        story.expect("settle", .succeeded)
        story.fenceAnswers("settle", effect: true)
        story.expectIgnored()
        #expect(story.step("settle")?.output == ["receipt": "n1"])
    }

    @Test("Rule 20: a late refusal while the fence is out does not undo the person's decision")
    func lateRefusalKeepsDecision() throws {
        let story = try stuckSettle()
        story.operatorDoes(.skip, "settle", output: ["receipt": "by-hand"])
        story.fails("settle")
        story.expect("settle", .failed)
        story.expect(status: .stuck)
        story.fenceAnswers("settle", effect: false)
        story.expect("settle", .skipped)
        story.expect(commands: "notify/action/1#1")
    }

    @Test("Rule 20: while a decision waits for its fence, no retry and no second decision")
    func oneDecisionAtATime() throws {
        let story = try stuckSettle()
        story.operatorDoes(.skip, "settle", output: ["receipt": "x"])
        story.operatorDoes(.retry, "settle")
        story.expectRefused()
        story.operatorDoes(.resolve, "settle", as: .succeeded, output: ["receipt": "y"])
        story.expectRefused()
    }

    @Test("Rule 20: a fence without an answer makes the decision void; the step is as stuck as before")
    func decisionLapses() throws {
        let story = try stuckSettle()
        story.operatorDoes(.skip, "settle", output: ["receipt": "x"])
        story.nobodyReplies(untilLapsed: "settle")
        #expect(story.step("settle")?.decision == nil)
        story.expect(status: .stuck)
        story.expect(problem: "TIMEOUT", of: "settle")
        story.operatorDoes(.skip, "settle", output: ["receipt": "z"])
        story.expect(commands: "settle/fence/2#1")
        story.expect(status: .stuck)
        story.fenceAnswers("settle", effect: false)
        story.expect("settle", .skipped)
    }

    @Test("Rule 20: the second fence of a step leaves it stuck until it is answered")
    func secondFence() throws {
        let story = try stuckPivot()
        story.operatorDoes(.resolve, "capture", as: .failed)
        story.expect(commands: "capture/fence/2#1")
        #expect(story.last.commands.first?.body == ["close": "action"])
        story.expect(status: .stuck)
        story.expect(problem: "FENCE_UNANSWERED", of: "capture")
        story.nobodyReplies(untilLapsed: "capture")
        story.expect(status: .stuck)
        #expect(story.step("capture")?.decision == nil)
    }

    @Test("Rules 10 and 20: what settles the step before the decision's own fence is answered, wins")
    func earlierFenceAnswers() throws {
        let story = try stuckPivot()
        story.operatorDoes(.resolve, "capture", as: .succeeded, output: ["capture": "by-hand"])
        story.expect(commands: "capture/fence/2#1")
        story.fenceAnswers("capture", effect: false, round: 1)
        story.expect("capture", .failed)
        story.expect(rollback: .stepFailed, by: "capture")
        story.fenceAnswers("capture", effect: false)
        story.expectIgnored()
    }

    @Test("Rules 6 and 20: resolve failed of a pivot, barrier closed: backward")
    func resolvePivotFailed() throws {
        let story = try stuckPivot()
        story.operatorDoes(.resolve, "capture", as: .failed)
        story.fenceAnswers("capture", effect: false)
        story.expect("capture", .failed)
        story.expect(rollback: .stepFailed, by: "capture")
        story.expect(status: .compensating)
        story.expect(commands: "authorize/compensation/1#1")
    }

    @Test("Rules 6 and 20: resolve failed of a pivot whose effect stands: forward")
    func resolvePivotFailedEffectWins() throws {
        let story = try stuckPivot()
        story.operatorDoes(.resolve, "capture", as: .failed)
        story.fenceAnswers("capture", effect: true)
        story.expect(commands: "settle/action/1#1")
    }

    @Test("Rule 20: a pivot is not skipped, a retriable step is not resolved as failed")
    func refusedVerdicts() throws {
        let story = try stuckPivot()
        story.operatorDoes(.skip, "capture", output: ["capture": "c"])
        story.expectRefused()
        let other = try stuckSettle()
        other.operatorDoes(.resolve, "settle", as: .failed)
        other.expectRefused()
    }

    @Test("Rule 20: skip and resolve only of a stuck step")
    func onlyWhenStuck() throws {
        let story = try stuckSettle()
        for step in ["authorize", "notify"] {
            story.operatorDoes(.skip, step)
            story.expectRefused()
            story.operatorDoes(.resolve, step, as: .succeeded)
            story.expectRefused()
        }
        story.operatorDoes(.skip, "no-such-step")
        story.expectRefused(.stepUnknown)
        story.operatorDoes(.skip)
        story.expectRefused(.fieldMissing)
        story.operatorDoes(.resolve, "settle")
        story.expectRefused(.fieldMissing)
    }

    @Test("Rule 20: skip of a stuck compensation whose effect stands: the effect stays, what comes before is undone")
    func skipCompensation() throws {
        let story = try stuckCompensation()
        story.operatorDoes(.skip, "authorize")
        story.expect(commands: "authorize/fence/1#1")
        #expect(story.last.commands.first?.body == ["close": "step"])
        story.fenceAnswers("authorize", effect: true)
        story.expect("authorize", .skipped)
        story.expect(commands: "reserve-stock/compensation/1#1")
        story.fails("authorize", "FENCED", to: .compensation)
        story.expectNoted()
        story.undone("reserve-stock")
        story.expect(status: .compensated)
    }

    @Test("Rule 20: resolve as succeeded of a stuck compensation: undone by hand")
    func resolveCompensation() throws {
        let story = try stuckCompensation()
        story.operatorDoes(.resolve, "authorize", as: .succeeded)
        story.fenceAnswers("authorize", effect: true)
        story.expect("authorize", .compensated)
        story.expect(commands: "reserve-stock/compensation/1#1")
        story.fails("authorize", "FENCED", to: .compensation)
        story.expectIgnored()
    }

    @Test("Rule 20: skip of a stuck compensation without an effect: there is nothing to undo")
    func skipCompensationWithoutEffect() throws {
        let story = try stuckCompensation()
        story.operatorDoes(.skip, "authorize")
        story.fenceAnswers("authorize", effect: false)
        story.expect("authorize", .compensated)
        story.expect(commands: "reserve-stock/compensation/1#1")
        story.fails("authorize", "FENCED", to: .compensation)
        story.expectIgnored()
    }

    @Test("Rules 11 and 20: a compensation refused by the barrier that a fence closed is noted, no dead letter")
    func fencedCompensation() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock")
        story.nobodyReplies(until: .stuck)
        story.operatorDoes(.skip, "authorize")
        story.fenceAnswers("authorize", effect: false)
        story.expect("authorize", .compensated)
        story.fails("authorize", "FENCED", to: .compensation)
        story.expectNoted()
    }

    @Test("Rule 20: resolve failed of a refused compensation still sends it, in a new round", arguments: [true, false])
    func resolveCompensationFailed(effect: Bool) throws {
        let story = try stuckCompensation()
        story.operatorDoes(.resolve, "authorize", as: .failed)
        #expect(story.last.commands.first?.body == ["close": "action"])
        story.fenceAnswers("authorize", effect: effect)
        story.expect(status: .compensating)
        story.expect(commands: "authorize/compensation/2#1")
        story.undone("authorize")
        story.expect(commands: "reserve-stock/compensation/1#1")
    }

    @Test("Rule 20: after resolve failed, a late success of the compensation is found before it is sent again")
    func lateCompensationAfterResolve() throws {
        let story = try stuckCompensation()
        story.operatorDoes(.resolve, "authorize", as: .failed)
        story.operatorDoes(.pause)
        story.fenceAnswers("authorize", effect: true)
        story.expect("authorize", .unknown)
        story.reply("authorize", .succeeded, to: .compensation, round: 1, attempt: 1)
        story.expect("authorize", .compensated)
        story.operatorDoes(.resume)
        story.expect(commands: "reserve-stock/compensation/1#1")
    }

    @Test("Rule 20: the compensation's late success while the fence is out settles the step")
    func lateCompensationWins() throws {
        let story = try stuckCompensation()
        story.operatorDoes(.skip, "authorize")
        story.undone("authorize")
        story.expect("authorize", .compensated)
        story.expect(commands: "reserve-stock/compensation/1#1")
    }

    @Test("Rule 10: a late FENCED after the decision lapsed says that nothing is left to undo")
    func lateFenceOfCompensation() throws {
        let story = try stuckCompensation()
        story.operatorDoes(.skip, "authorize")
        story.nobodyReplies(untilLapsed: "authorize")
        story.expect(status: .stuck)
        story.fenceAnswers("authorize", effect: true)
        story.expectIgnored()
        story.fenceAnswers("authorize", effect: false)
        story.expect("authorize", .compensated)
        story.expect(commands: "reserve-stock/compensation/1#1")
    }

    private func stuckSettle() throws -> Story {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize", "capture")
        story.nobodyReplies(until: .stuck)
        return story
    }

    private func stuckPivot() throws -> Story {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.nobodyReplies(until: .stuck)
        return story
    }

    private func stuckCompensation() throws -> Story {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        story.fails("capture")
        story.fails("authorize", to: .compensation)
        return story
    }
}
