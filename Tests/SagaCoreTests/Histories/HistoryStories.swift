@testable import SagaCore
import Testing

/// What the fixtures tell, one saga each. Together they have every kind of event with every member it may have.
enum HistoryStories {
    static let all: [String: (definition: SagaDefinition, happens: @Sendable (Story) -> Void)] = [
        "completed": (
            StoryDefinitions.placeOrder,
            { story in
                story.succeeds("reserve-stock", "authorize-payment", "commit-stock", "record-order")
                story.succeeds("capture-payment", "settle-order")
            }
        ),
        "compensated": (
            StoryDefinitions.placeOrder,
            { story in
                story.succeeds("reserve-stock", "authorize-payment", "record-order")
                story.fails("commit-stock", "OUT_OF_STOCK")
                story.undone("record-order", "authorize-payment", "reserve-stock")
            }
        ),
        "backed-off": (
            StoryDefinitions.sequential,
            { story in
                story.reply("reserve-stock", .retry, ["code": "BUSY", "message": "later"], after: .seconds(2))
                story.sleeps()
                story.succeeds("reserve-stock", "authorize")
                story.reply("capture", .retry)
            }
        ),
        "unknown-step": (
            StoryDefinitions.sequential,
            { story in
                story.succeeds("reserve-stock")
                story.nobodyReplies(until: .compensating)
                story.reply("authorize", .retry, to: .compensation)
                story.sleeps()
                story.undone("authorize", "reserve-stock")
                story.succeeds("authorize")
            }
        ),
        "unknown-pivot": (
            StoryDefinitions.sequential,
            { story in
                story.succeeds("reserve-stock", "authorize")
                story.passes(.seconds(3700))
                story.wakes()
                story.fenceAnswers("capture", effect: false)
                story.undone("authorize", "reserve-stock")
            }
        ),
        "rearmed": (
            StoryDefinitions.sequential,
            { story in
                story.passes(.seconds(40))
                story.wakes(unsent: ["reserve-stock/action/1"])
            }
        ),
        "deadline": (
            StoryDefinitions.undoable,
            { story in
                story.succeeds("room")
                story.passes(.seconds(601))
                story.wakes()
                story.undone("car", "room")
            }
        ),
        "paused": (
            StoryDefinitions.undoable,
            { story in
                story.operatorDoes(.pause, reason: "the hotel is asked", expecting: 2)
                story.operatorDoes(.pause)
            }
        ),
        "cancelled-while-paused": (
            StoryDefinitions.undoable,
            { story in
                story.succeeds("room")
                story.operatorDoes(.pause)
                story.passes(.seconds(60))
                story.operatorDoes(.cancel)
                story.operatorDoes(.resume)
                story.fails("car")
                story.undone("room")
            }
        ),
        "stuck-and-retried": (
            StoryDefinitions.sequential,
            { story in
                story.succeeds("reserve-stock", "authorize", "capture")
                story.fails("settle", "CLOSED")
                story.operatorDoes(.skip, "settle")
                story.operatorDoes(.retry, "settle")
                story.succeeds("settle")
                story.passes(.seconds(3700))
                story.wakes()
                story.operatorDoes(.retry)
            }
        ),
        "compensation-failed": (
            StoryDefinitions.sequential,
            { story in
                story.succeeds("reserve-stock")
                story.fails("authorize")
                story.fails("reserve-stock", "GONE", to: .compensation)
                story.operatorDoes(.resolve, "reserve-stock", as: .succeeded)
                story.fenceAnswers("reserve-stock", effect: false)
            }
        ),
        "compensation-unknown": (
            StoryDefinitions.undoable,
            { story in
                story.succeeds("room")
                story.fails("car")
                story.passes(.seconds(86_500))
                story.wakes()
            }
        ),
        "decision-pending": (
            StoryDefinitions.sequential,
            { story in
                story.succeeds("reserve-stock", "authorize", "capture")
                story.fails("settle")
                story.operatorDoes(.skip, "settle", output: ["receipt": "by hand"])
            }
        ),
        "skipped": (
            StoryDefinitions.sequential,
            { story in
                story.succeeds("reserve-stock", "authorize", "capture")
                story.passes(.seconds(3700))
                story.wakes()
                story.operatorDoes(.skip, "settle", output: ["receipt": "x"])
                story.passes(.seconds(3700))
                story.wakes()
                story.operatorDoes(.skip, "settle", output: ["receipt": "by hand"])
                story.fenceAnswers("settle", effect: false)
                story.succeeds("notify")
            }
        ),
        "resolved": (
            StoryDefinitions.sequential,
            { story in
                story.succeeds("reserve-stock", "authorize", "capture")
                story.fails("settle")
                story.operatorDoes(.resolve, "settle", as: .succeeded, output: ["receipt": "n7"])
                story.fenceAnswers("settle", effect: false)
            }
        ),
        "abandoned": (
            StoryDefinitions.sequential,
            { story in
                story.succeeds("reserve-stock")
                story.operatorDoes(.abandon, reason: "the shop has closed")
                story.succeeds("authorize")
            }
        ),
        "contradicted": (
            StoryDefinitions.placeOrder,
            { story in
                story.succeeds("reserve-stock", "authorize-payment")
                story.fails("record-order")
                story.fails("commit-stock")
                story.reply("record-order", .succeeded, ["entry": "e1"])
                story.undone("authorize-payment")
                story.operatorDoes(.retry, "record-order")
            }
        ),
        "output-missing": (
            StoryDefinitions.sequential, { story in story.reply("reserve-stock", .succeeded, ["other": 1]) }
        ),
        "fault-of-skald": (StoryDefinitions.undoable, { story in story.faults() }),
        "successor": (StoryDefinitions.undoable, { story in story.succeeds("room", "car") }),
    ]

    /// Told anew.
    static func tell(_ name: String) throws -> Story? {
        guard let (definition, happens) = all[name] else { return nil }
        let story =
            name == "successor"
            ? try Story(
                definition, again: SagaID(milliseconds: 46_310_300_000, shard: 0, sequence: 3),
                traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01") : try Story(definition)
        happens(story)
        return story
    }
}
