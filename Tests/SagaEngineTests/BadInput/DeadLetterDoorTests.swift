import BadMessages
import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

/// F18: bad input among the dead letters. They are what nobody could handle: nothing in them is refused any more.
@Suite("Bad input: a dead letter")
struct DeadLetterDoorTests {
    private static let letter = DeadLetter.message(
        for: Message(
            exchange: "skald.commands", routingKey: "stock", properties: MessageProperties(messageID: "m", type: "t"),
            body: Array("{}".utf8)),
        reason: Refusal(code: .badCommand, message: "why"))

    @Test(
        "whatever is wrong with it, it is kept whole with the reason it came with",
        arguments: BadMessage.bodies + [.tooLarge(kibibytes: 256), .tooLarge(kibibytes: 2000)]
            + BadMessage.ids("message_id", \.messageID) + BadMessage.ids("type", \.type)
            + BadMessage.ids("correlation_id", \.correlationID))
    func kept(_ bad: BadMessage) throws {
        let shop = try Shop()
        var message = Self.letter
        bad.change(&message)
        let outcome = try Door(consumer: .deadLetters, shop: shop).handle(message)
        #expect(outcome.answers.isEmpty)
        let letter = try #require(outcome.letters.first)
        #expect(outcome.letters.count == 1)
        #expect(letter.reason == "BAD_COMMAND")
        #expect(letter.exchange == "skald.commands")
        #expect(letter.routingKey == "stock")
        #expect(letter.body == message.body)
    }

    @Test(
        "one without a reason that can be read is INTERNAL, and says that someone else sent it",
        arguments: [nil, .int(1), .bool(true), .unsupported] as [HeaderValue?])
    func withoutReason(_ value: HeaderValue?) throws {
        let shop = try Shop()
        var message = Self.letter
        message.properties.headers = value.map { [("skald-reason", $0), ("skald-exchange", $0)] } ?? []
        let letter = try #require(try Door(consumer: .deadLetters, shop: shop).handle(message).letters.first)
        #expect(letter.reason == "INTERNAL")
        #expect(letter.detail == "sent to the dead letters by someone else")
        #expect(letter.exchange == SkaldNames.deadLetters)
    }

    @Test func itIsKeptWithoutNULs() throws {
        let shop = try Shop()
        var message = shop.start(replyTo: nil).message
        message.properties.messageID = "a\0b"
        message.properties.type = "t\0"
        message.properties.headers = [
            ("h\0", .string("v\0")), ("n", .int(3)), ("f", .bool(true)), ("skald-version", .unsupported),
        ]
        message.routingKey = "k\0"
        message.body = [0, 1, 2, 255]
        try shop.process(shop.delivery(.starts, message))
        let letter = try #require(try shop.deadLetters().first)
        #expect(letter.body == [0, 1, 2, 255])
        #expect(letter.routingKey == "k\u{FFFD}")
        let properties = MessageProperties(json: letter.properties)
        #expect(properties.messageID == "a\u{FFFD}b")
        #expect(properties.header("h\u{FFFD}") == .string("v\u{FFFD}"))
        #expect(properties.header("n") == .int(3))
        #expect(properties.header("f") == .bool(true))
        #expect(properties.header("skald-version") == .unsupported, "it is refused again when it is replayed")
    }
}
