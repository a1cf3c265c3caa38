@testable import SagaCore
import Testing

/// From the start to the end without a turn.
@Suite struct ForwardStories {
    @Test("A sequential saga sends one step after the other and completes")
    func sequential() throws {
        let story = try Story(StoryDefinitions.sequential)
        story.expect(commands: "reserve-stock/action/1#1")
        story.expect(published: "CREATED")
        story.reply("reserve-stock", .succeeded, ["reservation": "r1"])
        story.expect(commands: "authorize/action/1#1")
        #expect(story.last.commands.first?.body == ["reservation": "r1"])
        story.reply("authorize", .succeeded, ["authorization": "a1"])
        story.expect(commands: "capture/action/1#1")
        story.reply("capture", .succeeded, ["capture": "c1"])
        story.expect(commands: "settle/action/1#1")
        story.reply("settle", .succeeded, ["receipt": "n1"])
        story.expect(commands: "notify/action/1#1")
        story.expect(status: .running)
        story.reply("notify", .succeeded)
        story.expectNoCommands()
        story.expect(status: .completed)
        story.expect(published: "CONFIRMED")
        #expect(story.state.wakeAt == nil)
    }

    @Test("Steps whose `after` is satisfied run side by side, and the next waits for both")
    func parallel() throws {
        let story = try Story(StoryDefinitions.placeOrder)
        story.expect(commands: "reserve-stock/action/1#1")
        story.succeeds("reserve-stock")
        story.expect(commands: "authorize-payment/action/1#1")
        story.succeeds("authorize-payment")
        story.expect(commands: "record-order/action/1#1", "commit-stock/action/1#1")
        story.succeeds("commit-stock")
        story.expectNoCommands()
        story.succeeds("record-order")
        story.expect(commands: "capture-payment/action/1#1")
        story.succeeds("capture-payment")
        story.expect(commands: "settle-order/action/1#1")
        story.succeeds("settle-order")
        story.expect(status: .completed)
    }

    @Test("Steps that wait for nothing all go out at the start")
    func severalFirstSteps() throws {
        let story = try Story(StoryDefinitions.onlyRetriable)
        story.expect(commands: "pick/action/1#1", "print/action/1#1")
        story.succeeds("print", "pick")
        story.expect(commands: "ship/action/1#1")
        story.succeeds("ship")
        story.expect(status: .completed)
    }

    @Test("Rule 13: a start without what the definition refers to is refused")
    func inputMissing() throws {
        #expect(
            throws: Refusal(code: .inputMissing, path: "orderId", message: "the definition takes a value from here")
        ) {
            try Story(StoryDefinitions.sequential, input: ["order": 1])
        }
    }

    @Test("Rule 22: the business key is a string or an integer of 1 to 200 bytes")
    func businessKey() throws {
        for good: JSONValue in ["x", 42, .string(String(repeating: "k", count: 200))] {
            #expect(throws: Never.self) { try Story(StoryDefinitions.sequential, input: ["orderId": good]) }
        }
        for bad: JSONValue in ["", true, nil, [1], .string(String(repeating: "k", count: 201))] {
            do {
                _ = try Story(StoryDefinitions.sequential, input: ["orderId": bad])
                Issue.record("\(bad) was taken as a key")
            } catch let refusal as Refusal {
                #expect(refusal.code == .keyFormat)
            }
        }
    }
}
