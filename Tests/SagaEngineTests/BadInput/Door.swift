import BadMessages
import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

/// One consumer of the engine: bad messages come in between good ones, which must not notice.
struct Door {
    let consumer: ConsumerID
    let shop: Shop

    /// What came of a message.
    struct Outcome {
        let answers: [Answer]
        let letters: [StoredDeadLetter]
    }

    /// Handles the message between two good ones.
    func handle(_ message: Message) throws -> Outcome {
        let neighbour = try shop.started("neighbour")
        let result = try shop.process(
            shop.start("left", id: "left", replyTo: nil), shop.delivery(consumer, message),
            shop.reply(neighbour, "reserve", .succeeded))
        #expect(try result.commands().map(\.type) == ["stock.reserve", "bank.charge"], "the neighbours go on")
        return Outcome(answers: try result.answers(), letters: try shop.deadLetters())
    }

    /// The sender is told; nothing else is left.
    func refuses(_ good: Message, with bad: BadMessage) throws {
        var message = good
        bad.change(&message)
        let outcome = try handle(message)
        let answer = try #require(outcome.answers.first)
        #expect(outcome.answers.count == 1)
        #expect(answer.kind == .refused)
        #expect(answer.body["code"]?.string == bad.code)
        #expect(answer.body["path"]?.string == bad.path)
        #expect(answer.body["message"]?.string?.contains(bad.says) == true)
        #expect(!JSONValue.object(answer.body).text.contains(BadMessage.secret))
        #expect(outcome.letters.isEmpty)
    }

    /// There is nobody to tell: it is kept whole.
    func keeps(_ good: Message, with bad: BadMessage) throws {
        var message = good
        bad.change(&message)
        let outcome = try handle(message)
        #expect(outcome.answers.isEmpty)
        let letter = try #require(outcome.letters.first)
        #expect(outcome.letters.count == 1)
        #expect(letter.reason == bad.code)
        #expect(letter.detail.hasPrefix(bad.path.isEmpty ? "\(bad.code): " : "\(bad.code): \(bad.path): "))
        #expect(letter.detail.contains(bad.says))
        #expect(!letter.detail.contains(BadMessage.secret))
        #expect(letter.body == message.body)
        #expect(letter.exchange == message.exchange)
        #expect(letter.routingKey == message.routingKey)
    }
}
