import DurableSQLite
import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

@Suite("Messages that no queue takes")
struct ReturnedMessageTests {
    /// A shop whose first dead letter, a reply that came too early, has been replayed.
    private func shopWithReplay(_ storage: Storage = .memory) throws -> (Shop, OutboxMessage) {
        let shop = try Shop(storage)
        let saga = try shop.started()
        try shop.process(shop.reply(saga, "charge", .succeeded, ["c": 1]))
        let result = try shop.process(shop.request("replay", ["deadLetter": 1]))
        return (shop, try #require(result.outgoing.first { $0.exchange == SkaldNames.replies }))
    }

    private func openLetters(_ shop: Shop) throws -> [StoredDeadLetter] {
        try shop.deadLetters().filter { $0.settlement == nil }
    }

    @Test("F16: a replayed message that no queue takes is an open dead letter again")
    func replayed() throws {
        let (shop, row) = try shopWithReplay()
        let original = try #require(try shop.deadLetters().first)
        let result = try shop.returned([row])
        #expect(try !shop.outbox.contains(row))
        #expect(result.replaced == [row.id], "it is not sent again")
        #expect(shop.core.returned.isEmpty)
        let letter = try #require(try openLetters(shop).first)
        #expect(letter.reason == "NO_QUEUE")
        #expect(letter.detail.contains(row.routingKey))
        #expect(letter.saga == original.saga)
        #expect(letter.message == original.message)
        #expect(shop.notices.last == .deadLetter(reason: "NO_QUEUE", detail: letter.detail))

        let again = try shop.process(shop.request("replay", ["deadLetter": 2], id: "again"))
        #expect(again.outgoing.contains { $0.exchange == row.exchange && $0.body == row.body })
    }

    @Test("F16, rule 20: a command that no queue takes leaves with its saga's end, and stays until then")
    func commandOfAnEndedSaga() throws {
        let shop = try Shop()
        let command = try #require(try shop.process(shop.start()).outgoing.first { $0.command != nil })
        let saga = try #require(command.command?.saga)
        #expect(try shop.returned([command]).replaced == [])
        #expect(try shop.outbox.contains(command))
        try shop.process(shop.request("abandon", of: saga, ["reason": "test"]))
        #expect(try shop.returned([command]).replaced == [command.id])
        #expect(try !shop.outbox.contains(command))
        #expect(try openLetters(shop).isEmpty)
    }

    @Test("F1, F16: a crash before that commit leaves the message in the outbox, and it comes back once more")
    func crash() throws {
        let (shop, row) = try shopWithReplay(.file)
        shop.core.wasReturned(row.id)
        try shop.restart()
        #expect(try shop.unpublished().contains(row))
        try shop.returned([row])
        // The broker may say it of a message sent twice.
        try shop.returned([row])
        try shop.restart()
        #expect(try !shop.unpublished().contains(row))
        #expect(try openLetters(shop).map(\.reason) == ["NO_QUEUE"])
    }

    @Test("F16, F21: on a full disk it waits, in the outbox")
    func fullDisk() throws {
        let (shop, row) = try shopWithReplay(.file)
        try shop.tamper("CREATE TABLE filler (x BLOB)")
        try shop.tamper(
            """
            CREATE TRIGGER grow AFTER INSERT ON dead_letters
            BEGIN INSERT INTO filler SELECT randomblob(200000); END
            """)
        try shop.fillDisk()
        let error = #expect(throws: (any Error).self) { try shop.returned([row]) }
        #expect(error?.isStorageTrouble == true)
        #expect(try shop.outbox.contains(row))
        #expect(try openLetters(shop).isEmpty)
        #expect(shop.core.returned == [row.id])
        try shop.freeDisk()
        try shop.returned([])
        #expect(try openLetters(shop).count == 1)
    }

    @Test("F16, F26: a poisoned neighbour does not keep it in the outbox")
    func neighbour() throws {
        let (shop, row) = try shopWithReplay()
        try shop.tamper(
            """
            CREATE TRIGGER planted BEFORE INSERT ON keys WHEN new.key = 'poison'
            BEGIN SELECT RAISE(ABORT, 'planted'); END
            """)
        let result = try shop.returned([row], with: shop.start("poison", id: "2"))
        #expect(result.replaced == [row.id])
        #expect(try openLetters(shop).map(\.reason) == ["INTERNAL", "NO_QUEUE"])
    }
}
