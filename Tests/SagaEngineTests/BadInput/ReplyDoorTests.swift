import BadMessages
import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

/// F18: bad input in a reply. Nobody waits for an answer to one: it is a dead letter, and its saga has not changed.
@Suite("Bad input: a reply")
struct ReplyDoorTests {
    static let rows: [BadMessage] =
        BadMessage.bodies + [.tooLarge(kibibytes: 256)]
        + BadMessage.ids("correlation_id", \.correlationID) + BadMessage.ids("type", \.type)
        + [
            BadMessage("a correlation id that is no command's", "ID_FORMAT", at: "correlation_id") {
                $0.properties.correlationID = "s3cret"
            },
            BadMessage("another type", "FIELD_VALUE", at: "type", says: "the type reply") {
                $0.properties.type = "s3cret"
            },
            BadMessage("no outcome", "FIELD_MISSING", at: "headers.skald-outcome") {
                $0.properties.headers.removeAll { $0.name == "skald-outcome" }
            },
            BadMessage("an outcome of the wrong type", "FIELD_TYPE", at: "headers.skald-outcome", says: "a text") {
                $0.setHeader("skald-outcome", .int(1))
            },
            BadMessage("an outcome that is none", "FIELD_VALUE", at: "headers.skald-outcome", says: "succeeded, failed")
            {
                $0.setHeader("skald-outcome", .string("s3cret"))
            },
            BadMessage("failed without an attempt", "FIELD_MISSING", at: "headers.skald-attempt") {
                $0.properties.headers = [("skald-outcome", .string("failed"))]
            },
            BadMessage("retry without an attempt", "FIELD_MISSING", at: "headers.skald-attempt") {
                $0.properties.headers = [("skald-outcome", .string("retry"))]
            },
            BadMessage("an attempt of a foreign kind", "FIELD_TYPE", at: "headers.skald-attempt", says: "an integer") {
                $0.setHeader("skald-attempt", .unsupported)
            },
            BadMessage("an attempt that is none", "FIELD_TYPE", at: "headers.skald-attempt", says: "an integer") {
                $0.setHeader("skald-attempt", .string("s3cret"))
            },
            BadMessage("attempt 0", "FIELD_VALUE", at: "headers.skald-attempt") {
                $0.setHeader("skald-attempt", .int(0))
            },
            BadMessage("a negative attempt", "FIELD_VALUE", at: "headers.skald-attempt") {
                $0.setHeader("skald-attempt", .int(-1))
            },
            BadMessage("a pause of a foreign kind", "FIELD_TYPE", at: "headers.skald-retry-after", says: "an integer") {
                $0.setHeader("skald-retry-after", .unsupported)
            },
            BadMessage("a negative pause", "FIELD_VALUE", at: "headers.skald-retry-after", says: "not negative") {
                $0.setHeader("skald-retry-after", .int(-1))
            },
            unknown("an unknown saga") { _ in "\(SagaID(milliseconds: 5, shard: 0, sequence: 5))/reserve/action/1" },
            unknown("a saga of another shard") { _ in
                "\(SagaID(milliseconds: 5, shard: 7, sequence: 5))/reserve/action/1"
            },
            unknown("an unknown step") { $0.replacing("reserve", with: "s3cret") },
            unknown("a step not sent yet") { $0.replacing("reserve", with: "charge") },
            unknown("a compensation not sent yet") { $0.replacing("action/1", with: "compensation/1") },
            unknown("a fence not sent") { $0.replacing("action/1", with: "fence/1") },
            unknown("a round not opened") { $0.replacing("action/1", with: "action/2") },
            BadMessage("an attempt not made", "REPLY_UNKNOWN", at: "") { $0.setHeader("skald-attempt", .int(2)) },
        ]

    private static func unknown(_ name: String, _ id: @escaping @Sendable (String) -> String) -> BadMessage {
        BadMessage(name, "REPLY_UNKNOWN", at: "") {
            $0.properties.correlationID = $0.properties.correlationID.map(id)
        }
    }

    @Test("it is a dead letter, whoever may have sent it", arguments: rows)
    func kept(_ bad: BadMessage) throws {
        let shop = try Shop()
        let saga = try shop.started("x")
        let before = try shop.state(saga)
        var reply = shop.reply(saga, "reserve", .succeeded).message
        reply.properties.replyTo = "caller"
        try Door(consumer: .replies, shop: shop).keeps(reply, with: bad)
        #expect(try shop.state(saga) == before)
    }

    @Test("where users are checked, one from a user who is not that step's participant is REPLY_FORGED")
    func forged() throws {
        var settings = EngineSettings()
        settings.participantUsers = ["bank": "bank-user"]
        let shop = try Shop(settings: settings)
        let saga = try shop.started("x")
        try shop.process(shop.reply(saga, "reserve", .succeeded))
        let before = try shop.state(saga)
        let bad = BadMessage("another user", "REPLY_FORGED", at: "user_id", says: "the user bank-user") {
            $0.properties.userID = "s3cret"
        }
        try Door(consumer: .replies, shop: shop).keeps(shop.reply(saga, "charge", .succeeded).message, with: bad)
        #expect(try shop.state(saga) == before)
    }
}
