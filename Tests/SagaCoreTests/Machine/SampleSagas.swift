import Testing

@testable import SagaCore

/// Sagas brought to the situations that the tables of the page `Semantics` are about.
struct SampleSaga {
    /// What sets it apart from the others of its row or column.
    let name: String
    let story: Story
    /// The step the row is about.
    var step = ""

    init(
        _ name: String, _ definition: SagaDefinition = StoryDefinitions.sequential, step: String = "",
        _ happens: (Story) -> Void
    ) throws {
        self.name = name
        self.step = step
        story = try Story(definition)
        happens(story)
    }
}

// MARK: - By the saga's status

extension SampleSaga {
    static func beforePointOfNoReturn() throws -> [SampleSaga] {
        [
            try SampleSaga("a command is out") { _ in },
            try SampleSaga("a step backs off") { $0.reply("reserve-stock", .retry) },
        ]
    }

    static func pastPointOfNoReturn() throws -> [SampleSaga] {
        [
            try SampleSaga("a command is out") { $0.succeeds("reserve-stock", "authorize") },
            try SampleSaga("a step backs off") {
                $0.succeeds("reserve-stock", "authorize", "capture")
                $0.reply("settle", .retry)
            },
        ]
    }

    static func compensating() throws -> [SampleSaga] {
        [
            try SampleSaga("a command is out") { $0.goesBack() },
            try SampleSaga("a step backs off") {
                $0.goesBack()
                $0.reply("authorize", .retry, to: .compensation)
            },
        ]
    }

    static func stuck() throws -> [SampleSaga] {
        [
            try SampleSaga("a retriable step") {
                $0.succeeds("reserve-stock", "authorize", "capture")
                $0.fails("settle")
            },
            try SampleSaga("the pivot") {
                $0.succeeds("reserve-stock", "authorize")
                $0.nobodyReplies(until: .stuck)
            },
            try SampleSaga("a compensation") {
                $0.goesBack()
                $0.fails("authorize", to: .compensation)
            },
            try SampleSaga("a missing output") {
                $0.succeeds("reserve-stock", "authorize", "capture")
                $0.reply("settle", .succeeded)
            },
            try SampleSaga("a late success") {
                $0.succeeds("reserve-stock")
                $0.fails("authorize")
                $0.succeeds("authorize")
            },
            try SampleSaga("a fault of Skald") { $0.faults() },
        ]
    }

    static func paused() throws -> [SampleSaga] {
        try [("running", beforePointOfNoReturn()), ("compensating", compensating()), ("stuck", stuck())].flatMap {
            name, samples in
            try samples.map { sample in
                sample.story.operatorDoes(.pause)
                return try SampleSaga(name: name, story: sample.story)
            }
        }
    }

    static func ended() throws -> [SampleSaga] {
        [
            try SampleSaga("completed", StoryDefinitions.undoable) { $0.succeeds("room", "car") },
            try SampleSaga("compensated") { $0.fails("reserve-stock") },
            try SampleSaga("abandoned") { $0.operatorDoes(.abandon, reason: "sample") },
        ]
    }

    private init(name: String, story: Story) throws {
        self.name = name
        self.story = story
    }
}

// MARK: - By the step's status

extension SampleSaga {
    /// Samples of every status of a step whose action was sent, one for each kind of step that can have it.
    static func steps(_ status: StepStatus) throws -> [SampleSaga] {
        let samples: [SampleSaga]
        switch status {
        case .pending: samples = [try SampleSaga("any", step: "authorize") { _ in }]
        case .inFlight: samples = try inFlight { _, _ in }
        case .backingOff: samples = try inFlight { $0.reply($1, .retry) }
        case .unknown: samples = try unknown()
        case .succeeded:
            samples = [
                try SampleSaga("any", step: "reserve-stock") { $0.succeeds("reserve-stock") },
                try SampleSaga("any", step: "capture") { $0.succeeds("reserve-stock", "authorize", "capture") },
                try SampleSaga("any", StoryDefinitions.undoable, step: "car") { $0.succeeds("room", "car") },
            ]
        case .failed: samples = try failed()
        case .skipped:
            samples = [
                try SampleSaga("any", step: "settle") {
                    $0.succeeds("reserve-stock", "authorize", "capture")
                    $0.fails("settle")
                    $0.operatorDoes(.skip, "settle", output: StoryDefinitions.output)
                    $0.fenceAnswers("settle", effect: false)
                }
            ]
        case .compensating: samples = [try SampleSaga("any", step: "authorize") { $0.givesUpOn("authorize") }]
        case .compensated:
            samples = [
                try SampleSaga("any", step: "authorize") {
                    $0.givesUpOn("authorize")
                    $0.undone("authorize")
                }
            ]
        case .compensationFailed:
            samples = [
                try SampleSaga("any", step: "authorize") {
                    $0.givesUpOn("authorize")
                    $0.fails("authorize", to: .compensation)
                }
            ]
        }
        return samples
    }

    /// Samples of every status a step can have once its compensation was sent.
    static func compensations(_ status: StepStatus) throws -> [SampleSaga] {
        let samples: [SampleSaga]
        switch status {
        case .pending, .inFlight, .backingOff, .succeeded, .failed: samples = []
        case .compensating:
            samples = [try SampleSaga("out", step: "authorize") { $0.goesBack() }]
        case .compensated:
            samples = [
                try SampleSaga("any", step: "authorize") {
                    $0.goesBack()
                    $0.undone("authorize")
                }
            ]
        case .compensationFailed:
            samples = [
                try SampleSaga("refused", step: "authorize") {
                    $0.goesBack()
                    $0.fails("authorize", to: .compensation)
                },
                try SampleSaga("never answered", step: "authorize") {
                    $0.goesBack()
                    $0.nobodyReplies(until: .stuck)
                },
            ]
        case .skipped:
            samples = [
                try SampleSaga("any", step: "authorize") {
                    $0.goesBack()
                    $0.fails("authorize", to: .compensation)
                    $0.operatorDoes(.skip, "authorize")
                    $0.fenceAnswers("authorize", effect: true)
                }
            ]
        case .unknown:
            samples = [
                try SampleSaga("any", step: "authorize") {
                    $0.goesBack()
                    $0.nobodyReplies(until: .stuck)
                    $0.operatorDoes(.resolve, "authorize", as: .failed)
                    $0.operatorDoes(.pause)
                    $0.fenceAnswers("authorize", effect: true)
                }
            ]
        }
        return samples
    }

    private static func inFlight(_ then: (Story, String) -> Void) throws -> [SampleSaga] {
        [
            try SampleSaga("compensatable", step: "authorize") {
                $0.succeeds("reserve-stock")
                then($0, "authorize")
            },
            try SampleSaga("pivot", step: "capture") {
                $0.succeeds("reserve-stock", "authorize")
                then($0, "capture")
            },
            try SampleSaga("retriable", step: "settle") {
                $0.succeeds("reserve-stock", "authorize", "capture")
                then($0, "settle")
            },
            try SampleSaga("saga ended", step: "reserve-stock") {
                then($0, "reserve-stock")
                $0.operatorDoes(.abandon, reason: "sample")
            },
        ]
    }

    private static func unknown() throws -> [SampleSaga] {
        [
            try SampleSaga("compensatable", StoryDefinitions.placeOrder, step: "commit-stock") {
                $0.succeeds("reserve-stock", "authorize-payment")
                $0.reply("commit-stock", .retry)
                $0.operatorDoes(.cancel)
            },
            try SampleSaga("pivot", step: "capture") {
                $0.succeeds("reserve-stock", "authorize")
                $0.nobodyReplies(untilFenced: "capture")
            },
            try SampleSaga("retriable", step: "settle") {
                $0.succeeds("reserve-stock", "authorize", "capture")
                $0.nobodyReplies(until: .stuck)
            },
            try SampleSaga("saga ended", step: "settle") {
                $0.succeeds("reserve-stock", "authorize", "capture")
                $0.nobodyReplies(until: .stuck)
                $0.operatorDoes(.abandon, reason: "sample")
            },
        ]
    }

    private static func failed() throws -> [SampleSaga] {
        [
            try SampleSaga(
                "compensatable, nothing before it undone yet", StoryDefinitions.placeOrder, step: "record-order"
            ) {
                $0.succeeds("reserve-stock", "authorize-payment")
                $0.fails("record-order")
            },
            try SampleSaga("compensatable, steps before it undone; pivot", step: "authorize") {
                $0.succeeds("reserve-stock")
                $0.fails("authorize")
            },
            try SampleSaga("compensatable, steps before it undone; pivot", step: "capture") { $0.goesBack() },
            try SampleSaga("retriable", step: "settle") {
                $0.succeeds("reserve-stock", "authorize", "capture")
                $0.fails("settle")
            },
            try SampleSaga("saga ended", step: "reserve-stock") { $0.fails("reserve-stock") },
        ]
    }
}

extension Story {
    /// The pivot is refused; the compensation of `authorize` is out.
    fileprivate func goesBack() {
        succeeds("reserve-stock", "authorize")
        fails("capture")
    }

    /// The attempts of the step are used up; its compensation is out.
    fileprivate func givesUpOn(_ step: String) {
        succeeds("reserve-stock")
        nobodyReplies(until: .compensating)
    }
}
