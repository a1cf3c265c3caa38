import BadMessages
import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

/// F18: bad input in a start message.
@Suite("Bad input: a start message")
struct StartDoorTests {
    static let rows: [BadMessage] =
        BadMessage.bodies + [.tooLarge(kibibytes: 256)]
        + BadMessage.ids("message_id", \.messageID) + BadMessage.ids("type", \.type)
        + [
            BadMessage("unknown definition", "DEFINITION_UNKNOWN", at: "type", says: "known definitions: shop") {
                $0.properties.type = "s3cret"
            },
            BadMessage("unknown version", "VERSION_UNKNOWN", at: "headers.skald-version", says: "known versions: 1") {
                $0.setHeader("skald-version", .int(7))
            },
            BadMessage("a version that is none", "FIELD_TYPE", at: "headers.skald-version", says: "an integer") {
                $0.setHeader("skald-version", .string("s3cret"))
            },
            BadMessage("a version of a foreign kind", "FIELD_TYPE", at: "headers.skald-version", says: "an integer") {
                $0.setHeader("skald-version", .unsupported)
            },
            BadMessage("an old saga of a foreign kind", "FIELD_TYPE", at: "headers.skald-again", says: "a text") {
                $0.setHeader("skald-again", .unsupported)
            },
            BadMessage("an old saga as a number", "FIELD_TYPE", at: "headers.skald-again", says: "a text") {
                $0.setHeader("skald-again", .int(4))
            },
            BadMessage("an old saga that is none", "ID_FORMAT", at: "headers.skald-again", says: "the old saga's id") {
                $0.setHeader("skald-again", .string("s3cret"))
            },
            BadMessage("an old saga there is not", "SAGA_UNKNOWN", at: "headers.skald-again", says: "no saga yet") {
                $0.setHeader("skald-again", .string("0000000000001"))
            },
            BadMessage(body: #"{"order": "1"}"#, "INPUT_MISSING", at: "amount"),
            BadMessage(body: #"{"amount": 1}"#, "INPUT_MISSING", at: "order"),
            BadMessage(body: #"{"order": "", "amount": 1}"#, "KEY_FORMAT", at: "key"),
            BadMessage(body: #"{"order": 1.5, "amount": 1}"#, "KEY_FORMAT", at: "key", says: "a text or an integer"),
            BadMessage(body: #"{"order": ["s3cret"], "amount": 1}"#, "KEY_FORMAT", at: "key", says: "a text or an"),
            BadMessage(body: #"{"order": null, "amount": 1}"#, "KEY_FORMAT", at: "key", says: "a text or an integer"),
            BadMessage("a key of 201 bytes", "KEY_FORMAT", at: "key", says: "200 bytes") {
                $0.body = Array(#"{"order": "\#(String(repeating: "k", count: 201))", "amount": 1}"#.utf8)
            },
        ]

    @Test("its sender is told", arguments: rows)
    func refused(_ bad: BadMessage) throws {
        let shop = try Shop()
        try Door(consumer: .starts, shop: shop).refuses(shop.start("x").message, with: bad)
    }

    @Test("without a sender it is a dead letter", arguments: rows)
    func kept(_ bad: BadMessage) throws {
        let shop = try Shop()
        try Door(consumer: .starts, shop: shop).keeps(shop.start("x", replyTo: nil).message, with: bad)
    }

    @Test("the same business key with other input: IDEMPOTENCY_CONFLICT, which names the saga that has it")
    func conflict() throws {
        let shop = try Shop()
        let saga = try shop.started("x")
        let outcome = try Door(consumer: .starts, shop: shop).handle(shop.start("x", amount: 4242).message)
        let answer = try #require(outcome.answers.first)
        #expect(answer.body["code"]?.string == "IDEMPOTENCY_CONFLICT")
        #expect(answer.body["saga"]?.string == "\(saga)")
        #expect(answer.body["message"]?.string?.contains("4242") == false)
    }

    @Test(
        "whoever has an id that would be taken hears of a refusal under it",
        arguments: ["a b", "\u{202e}gnp", "e\u{301}"])
    func correlation(id: String) throws {
        let shop = try Shop()
        let outcome = try Door(consumer: .starts, shop: shop).handle(shop.start("x", id: id, definition: "no").message)
        #expect(outcome.answers.map(\.requestID) == [id])
        #expect(try shop.process(shop.start("x", id: id)).answers().map(\.requestID) == [id])
    }

    @Test("what is checked beyond the definition, such as an order's sums, is refused in the same way")
    func inputCheck() throws {
        var settings = EngineSettings()
        settings.inputCheck = { _, input in
            input["amount"]?.int64 == 7 ? Refusal(code: .moneyMismatch, path: "total", message: "the sum") : nil
        }
        let shop = try Shop(settings: settings)
        let bad = BadMessage(body: #"{"order": "s3cret", "amount": 7}"#, "MONEY_MISMATCH", at: "total", says: "the sum")
        try Door(consumer: .starts, shop: shop).refuses(shop.start("x").message, with: bad)
    }

    @Test(arguments: ["", String(repeating: "q", count: 256)])
    func noAnswerGoesWhereNoQueueCanBe(replyTo: String) throws {
        let shop = try Shop()
        let result = try shop.process(
            shop.start("x", id: "again", replyTo: replyTo), shop.start("y", definition: "none", replyTo: replyTo))
        #expect(try result.answers().isEmpty)
        #expect(try shop.deadLetters().map(\.reason) == ["DEFINITION_UNKNOWN"])
    }
}
