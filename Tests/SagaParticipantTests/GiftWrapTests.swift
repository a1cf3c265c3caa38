import GRDB
import SagaBus
import SagaCore
import Testing

@testable import SagaParticipant

/// The participant that the README shows.
struct GiftWrapTests {
    @Test func wrapsOnceAndUnwraps() throws {
        let database = try ParticipantDatabase(inMemoryFor: giftWrap)
        let core = ParticipantCore(participant: giftWrap, database: database)
        func reply(_ kind: CommandID.Kind, _ type: String, _ body: JSONValue) throws -> Outcome {
            let command = Command(
                id: CommandID(saga: Story.saga, step: "wrap", kind: kind, round: 1), type: type, attempt: 1,
                participant: giftWrap.name, replyTo: "skald.replies.0", body: body)
            let delivery = Delivery(
                consumer: "commands", tag: DeliveryTag(epoch: 1, number: 1), isRedelivered: false,
                message: command.message())
            return try Reply.decode(try core.process([delivery], now: Story.now).replies[0].message).outcome
        }
        func parcels() throws -> Int? {
            try database.queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM parcel") }
        }

        #expect(try reply(.action, "gift-wrap.wrap", ["paper": "red"]) == .succeeded)
        #expect(try reply(.action, "gift-wrap.wrap", ["paper": "red"]) == .succeeded)
        #expect(try parcels() == 1)
        #expect(try reply(.compensation, "gift-wrap.unwrap", ["input": ["paper": "red"]]) == .succeeded)
        #expect(try parcels() == 0)
        // Too late: it is not wrapped again.
        _ = try reply(.action, "gift-wrap.wrap", ["paper": "red"])
        #expect(try parcels() == 0)
    }
}
