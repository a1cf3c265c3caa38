@testable import SagaCore
import Testing

/// Attempts, timeouts, pauses and budgets: rules 1 to 3, 8, 9 and 24.
@Suite struct RetryStories {
    @Test("Rule 3, F7: no reply in time: the next attempt has the same command id")
    func lostReply() throws {
        let story = try Story(StoryDefinitions.sequential)
        let first = story.last.commands.first
        story.passes(.seconds(30))
        story.wakes()
        story.expect("reserve-stock", .backingOff)
        story.expectNoCommands()
        #expect(story.state.wakeAt == story.now.adding(milliseconds: 200))
        story.sleeps()
        story.expect(commands: "reserve-stock/action/1#2")
        #expect(story.last.commands.first?.id == first?.id)
        #expect(story.last.commands.first?.body == first?.body)
    }

    @Test("F24: an early wake changes nothing, a late one works as one in time")
    func earlyAndLateWake() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.wakes()
        story.expectIgnored()
        story.passes(.milliseconds(29_999))
        story.wakes()
        story.expectIgnored()
        story.passes(.seconds(600))
        story.wakes()
        story.expect("reserve-stock", .backingOff)
    }

    @Test("F6, rule 3: an earlier attempt's success is a success")
    func earlierAttemptSucceeds() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.sleeps()
        story.sleeps()
        story.reply("reserve-stock", .succeeded, ["reservation": "r1"], attempt: 1)
        story.expect("reserve-stock", .succeeded)
        story.reply("reserve-stock", .succeeded, ["reservation": "r1"], attempt: 2)
        story.expectIgnored()
    }

    @Test("F6, rule 3: an earlier attempt's refusal is a refusal, also while backing off")
    func earlierAttemptFails() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.sleeps()
        story.fails("reserve-stock")
        story.expect(status: .compensated)
    }

    @Test("F4: the same reply twice changes nothing")
    func sameReplyTwice() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock")
        story.succeeds("reserve-stock")
        story.expectIgnored()
        story.fails("authorize")
        story.fails("authorize")
        story.expectIgnored()
        story.undone("reserve-stock")
        story.undone("reserve-stock")
        story.expectIgnored()
    }

    @Test("F2, F4: the last reply again leaves the ended saga as it is")
    func lastReplyTwice() throws {
        let story = try Story(StoryDefinitions.undoable)
        story.succeeds("room", "car")
        story.expect(status: .completed)
        story.succeeds("car")
        story.expectIgnored()
        let other = try Story(StoryDefinitions.undoable)
        other.succeeds("room")
        other.fails("car")
        other.undone("room")
        other.expect(status: .compensated)
        other.undone("room")
        other.expectIgnored()
        other.fails("car")
        other.expectIgnored()
    }

    @Test("Rule 11: `retry` counts for the present attempt only")
    func retryForAnEarlierAttempt() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.reply("reserve-stock", .retry)
        story.expect("reserve-stock", .backingOff)
        story.reply("reserve-stock", .retry)
        story.expectIgnored()
        story.sleeps()
        story.reply("reserve-stock", .retry, attempt: 1)
        story.expectIgnored()
        story.expect("reserve-stock", .inFlight)
        story.succeeds("reserve-stock")
        story.reply("reserve-stock", .retry)
        story.expectIgnored()
    }

    @Test("Rule 24: retry-after is a floor below the backoff's end, and capped at five minutes")
    func retryAfter() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        for (asked, pause) in [(0, 200), (100, 400), (7_000, 7_000), (3_600_000, 300_000)] as [(Int64, Int64)] {
            story.reply("capture", .retry, after: .milliseconds(asked))
            #expect(story.state.wakeAt == story.now.adding(milliseconds: pause))
            story.sleeps()
        }
    }

    @Test("Rule 24: pauses double up to the greatest, five minutes for what must succeed")
    func backoffDoubles() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize")
        var pauses: [Int64] = []
        for _ in 1...13 {
            story.reply("capture", .retry)
            if let wakeAt = story.state.wakeAt { pauses.append(wakeAt - story.now) }
            story.sleeps()
        }
        #expect(
            pauses == [200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 102_400, 204_800, 300_000, 300_000])
    }

    @Test("Rule 24: jitter spreads pauses over (0, limit] and is drawn from the given random numbers")
    func jitter() throws {
        var pauses: [Int64] = []
        for seed in 1...200 as ClosedRange<UInt64> {
            let story = try Story(StoryDefinitions.placeOrder, seed: seed)
            story.reply("reserve-stock", .retry)
            guard let wakeAt = story.state.wakeAt else { continue }
            pauses.append(wakeAt - story.now)
        }
        #expect(pauses.count == 200)
        #expect(pauses.allSatisfy { (1...200).contains($0) })
        #expect(pauses.contains { $0 <= 40 } && pauses.contains { $0 >= 160 })
        #expect(Set(pauses).count > 50)
    }

    @Test("Rule 9: actions before the pivot count attempts, five by default")
    func attemptsBudget() throws {
        let story = try Story(StoryDefinitions.placeOrder)
        for attempt in 1...4 {
            story.reply("reserve-stock", .retry, attempt: attempt)
            story.expect("reserve-stock", .backingOff)
            story.sleeps()
        }
        story.expect(commands: "reserve-stock/action/1#5")
        story.reply("reserve-stock", .retry, ["code": "BUSY", "message": "not now"])
        story.expect(rollback: .attemptsUsedUp, by: "reserve-stock")
        story.expect(commands: "reserve-stock/compensation/1#1")
        #expect(story.state.rollback?.error == StepError(code: "BUSY", message: "not now"))
    }

    @Test("Rules 8 and 9: a retriable step has a duration; used up it is stuck, never compensated")
    func durationBudget() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.succeeds("reserve-stock", "authorize", "capture")
        let sentAt = story.now
        story.nobodyReplies(until: .stuck)
        #expect(story.now - sentAt >= 3_600_000)
        story.expect("settle", .unknown)
        story.expect(problem: "TIMEOUT", of: "settle")
        story.expect(published: "SAGA_STUCK")
        #expect(!story.history.contains { if case .sent(let sent) = $0 { sent.kind == .compensation } else { false } })
    }

    @Test("Rule 9: a compensation's duration is its own, not the action's", arguments: [1, 20])
    func compensationBudget(minutes: Int64) throws {
        let step = StepDefinition(
            name: "only", participant: "p", action: "p.do", compensation: .command("p.undo"),
            retry: RetryPolicy(attempts: 1, durationMilliseconds: 5 * 60_000),
            compensationRetry: RetryPolicy(durationMilliseconds: minutes * 60_000))
        let definition = SagaDefinition(
            name: "one", version: 1, key: .literal("k"), steps: [step],
            source: ["minutes": .init(integerLiteral: minutes)])
        let story = try Story(definition)
        story.nobodyReplies(until: .compensating)
        let sentAt = story.now
        story.nobodyReplies(until: .stuck)
        #expect(story.now - sentAt >= minutes * 60_000)
        #expect(story.now - sentAt < (minutes + 2) * 60_000)
    }

    @Test("Rule 3: a command that never left is waited for anew and not counted")
    func unsent() throws {
        let story = try Story(StoryDefinitions.sequential)
        for _ in 1...10 {
            story.passes(.seconds(30))
            story.wakes(unsent: ["reserve-stock/action/1"])
            story.expect("reserve-stock", .inFlight)
            story.expectNoCommands()
            #expect(story.state.wakeAt == story.now.adding(milliseconds: 30_000))
        }
        #expect(story.step("reserve-stock")?.action.attempt == 1)
        story.passes(.seconds(30))
        story.wakes()
        story.expect("reserve-stock", .backingOff)
    }

    @Test("Rule 3: a command that is held back is looked at once an hour, and has its whole timeout when it leaves")
    func held() throws {
        let story = try Story(StoryDefinitions.sequential)
        let command = "reserve-stock/action/1"
        story.sleeps(held: [command])
        #expect(story.step("reserve-stock")?.action.wakeAt == story.now.adding(milliseconds: 3_600_000))
        story.passes(.seconds(60))
        story.leaves(command)
        #expect(story.state.wakeAt == story.now.adding(milliseconds: 30_000))
        #expect(story.step("reserve-stock")?.action.attempt == 1)
        story.sleeps()
        story.expect("reserve-stock", .backingOff)
        let sequence = story.state.sequence
        story.leaves(command)
        #expect(story.state.sequence == sequence, "nobody awaits it")
    }

    @Test("Rule 5: an action that is held back is waited for no longer than its timeout once the saga goes back")
    func heldWhileCompensating() throws {
        let story = try Story(StoryDefinitions.sequential)
        let command = "reserve-stock/action/1"
        story.sleeps(held: [command])
        let id = try #require(CommandID("\(story.state.id)/\(command)"))
        #expect(story.state.awaits(id))
        story.operatorDoes(.cancel)
        #expect(story.state.wakeAt == story.now.adding(milliseconds: 30_000))
        #expect(!story.state.awaits(id), "it gets no further attempt")
        story.sleeps()
        story.expect(commands: "reserve-stock/compensation/1#1")
    }

    @Test("Rule 5: so it is when its timeout and the deadline are found to have passed at the same time")
    func heldPastDeadline() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.passes(.seconds(86_400))
        story.wakes(held: ["reserve-stock/action/1"])
        #expect(story.state.rollback?.reason == .deadline)
        #expect(story.state.wakeAt == story.now.adding(milliseconds: 30_000))
        story.sleeps()
        story.expect(commands: "reserve-stock/compensation/1#1")
    }

    @Test("Rule 3: another step's unsent command does not help this one")
    func unsentOther() throws {
        let story = try Story(StoryDefinitions.onlyRetriable)
        story.passes(.seconds(30))
        story.wakes(unsent: ["pick/action/1"])
        story.expect("pick", .inFlight)
        story.expect("print", .backingOff)
    }

    @Test("F13, rule 3: a wait that was due during an outage begins again from the reconnect")
    func outage() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.passes(.seconds(300))
        let reconnected = story.now
        story.passes(.seconds(1))
        story.wakes(connectedSince: reconnected)
        story.expect("reserve-stock", .inFlight)
        #expect(story.state.wakeAt == reconnected.adding(milliseconds: 30_000))
        story.passes(.seconds(29))
        story.wakes(connectedSince: reconnected)
        story.expect("reserve-stock", .backingOff)
    }

    @Test("Rule 5: while it goes backward an unsent action is waited for, and a compensation is re-armed alike")
    func unsentWhileCompensating() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.operatorDoes(.cancel)
        story.passes(.seconds(30))
        story.wakes(unsent: ["reserve-stock/action/1"])
        story.expectNoCommands()
        story.sleeps()
        story.expect(commands: "reserve-stock/compensation/1#1")
        story.passes(.seconds(30))
        story.wakes(unsent: ["reserve-stock/compensation/1"])
        #expect(story.step("reserve-stock")?.compensation.isInFlight == true)
    }
}
