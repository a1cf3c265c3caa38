import BadMessages
import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

/// F18: bad input in an operator's request.
@Suite("Bad input: an operator's request")
struct OperatorDoorTests {
    static let rows: [BadMessage] =
        BadMessage.bodies + [.tooLarge(kibibytes: 256)]
        + BadMessage.ids("message_id", \.messageID) + BadMessage.ids("type", \.type)
        + [
            BadMessage("an unknown verb", "VERB_UNKNOWN", at: "type", says: "retry, skip, resolve, cancel, abandon") {
                $0.properties.type = "s3cret"
            },
            BadMessage(body: "{}", "FIELD_MISSING", at: "saga"),
            BadMessage(body: #"{"saga": null}"#, "FIELD_MISSING", at: "saga"),
            BadMessage(body: #"{"saga": "s3cret"}"#, "ID_FORMAT", at: "saga", says: "a saga's id"),
            BadMessage(body: #"{"saga": 7}"#, "FIELD_TYPE", at: "saga", says: "a text"),
            BadMessage(body: #"{"saga": "0000000000001"}"#, "SAGA_UNKNOWN", at: "saga"),
            with(#""s3cret": true"#, "FIELD_UNKNOWN", at: "", says: "as, by, expect, output, reason, saga, step"),
            with(#""as": "skip""#, "FIELD_VALUE", at: "as", says: "succeeded or failed"),
            with(#""as": "s3cret""#, "FIELD_VALUE", at: "as", says: "succeeded or failed"),
            with(#""as": 1"#, "FIELD_TYPE", at: "as", says: "a text"),
            with(#""reason": 1"#, "FIELD_TYPE", at: "reason", says: "a text"),
            with(
                #""reason": "\#(String(repeating: "r", count: 4001))""#, "FIELD_VALUE", at: "reason",
                says: "at most 4000 bytes"),
            with(#""output": "s3cret""#, "FIELD_TYPE", at: "output", says: "an object"),
            with(#""expect": 1.5"#, "FIELD_TYPE", at: "expect", says: "an integer"),
            with(#""expect": "s3cret""#, "FIELD_TYPE", at: "expect", says: "an integer"),
            with(#""step": ["s3cret"]"#, "FIELD_TYPE", at: "step", says: "a text"),
            dead("replay", "{}", "FIELD_MISSING", says: "is required"),
            dead("discard", #"{"deadLetter": "s3cret"}"#, "FIELD_TYPE", says: "an integer"),
            dead("discard", #"{"deadLetter": 7}"#, "FIELD_VALUE", says: "no such dead letter"),
            dead("replay", #"{"deadLetter": 9223372036854775807}"#, "FIELD_VALUE", says: "no such dead letter"),
        ]

    private static func with(_ member: String, _ code: String, at path: String, says: String) -> BadMessage {
        BadMessage(body: #"{"saga": "0000000000001", \#(member)}"#, code, at: path, says: says)
    }

    private static func dead(_ verb: String, _ body: String, _ code: String, says: String) -> BadMessage {
        BadMessage("\(verb) \(body)", code, at: "deadLetter", says: says) {
            ($0.properties.type, $0.body) = (verb, Array(body.utf8))
        }
    }

    @Test("its sender is told, and the saga has not changed", arguments: rows)
    func refused(_ bad: BadMessage) throws {
        let shop = try Shop()
        let saga = try shop.started("x")
        let before = try shop.state(saga)
        try Door(consumer: .operatorRequests, shop: shop).refuses(shop.request("pause", of: saga).message, with: bad)
        #expect(try shop.state(saga) == before)
    }

    @Test("without a sender it is a dead letter, and the saga has not changed", arguments: rows)
    func kept(_ bad: BadMessage) throws {
        let shop = try Shop()
        let saga = try shop.started("x")
        let before = try shop.state(saga)
        var message = shop.request("pause", of: saga).message
        message.properties.replyTo = nil
        try Door(consumer: .operatorRequests, shop: shop).keeps(message, with: bad)
        #expect(try shop.state(saga) == before)
    }

    @Test("an unknown step is STEP_UNKNOWN, which lists the known ones; the refusal is in the saga's history")
    func unknownStep() throws {
        let shop = try Shop()
        let saga = try shop.started("x")
        let request = shop.request("retry", of: saga, ["step": .string(BadMessage.secret)]).message
        let answer = try #require(
            try Door(consumer: .operatorRequests, shop: shop).handle(request).answers.first)
        #expect(answer.body["code"]?.string == "STEP_UNKNOWN")
        #expect(answer.body["path"]?.string == "step")
        #expect(answer.body["message"]?.string?.contains("reserve, charge, ship") == true)
        #expect(answer.body["message"]?.string?.contains(BadMessage.secret) == false)
    }

    @Test(arguments: ["", String(repeating: "q", count: 256)])
    func noAnswerGoesWhereNoQueueCanBe(replyTo: String) throws {
        let shop = try Shop()
        let saga = try shop.started("x")
        let result = try shop.process(
            shop.request("pause", ["saga": .string(saga.description)], replyTo: replyTo),
            shop.request("explode", [:], replyTo: replyTo))
        #expect(try result.answers().isEmpty)
        #expect(try shop.state(saga).isPaused)
        #expect(try shop.deadLetters().map(\.reason) == ["VERB_UNKNOWN"])
    }
}
