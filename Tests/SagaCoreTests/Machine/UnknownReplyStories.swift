@testable import SagaCore
import Testing

/// Replies nobody asked for.
@Suite struct UnknownReplyStories {
    @Test("A reply to a step, a command, a round or an attempt that was never sent is a dead letter")
    func neverSent() throws {
        let story = try Story(StoryDefinitions.sequential)
        for outcome in Outcome.allCases {
            story.reply("no-such-step", outcome, round: 1, attempt: 1)
            story.expect(deadLetter: .replyUnknown)
            story.reply("authorize", outcome, round: 1, attempt: 1)
            story.expect(deadLetter: .replyUnknown)
            story.reply("reserve-stock", outcome, round: 2, attempt: 1)
            story.expect(deadLetter: .replyUnknown)
            story.reply("reserve-stock", outcome, round: 1, attempt: 2)
            story.expect(deadLetter: .replyUnknown)
            story.reply("reserve-stock", outcome, to: .compensation, round: 1, attempt: 1)
            story.expect(deadLetter: .replyUnknown)
            story.reply("reserve-stock", outcome, to: .fence, round: 1, attempt: 1)
            story.expect(deadLetter: .replyUnknown)
        }
        story.expect("reserve-stock", .inFlight)
    }
}
