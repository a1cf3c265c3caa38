import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

@Suite("Replies")
struct ReplyTests {
    @Test("F4: the same reply twice, in one batch or two", arguments: Storage.allCases)
    func twice(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let saga = try shop.started()
        let reply = shop.reply(saga, "reserve", .succeeded)
        let result = try shop.process(reply, reply)
        #expect(try result.commands().map(\.type) == ["bank.charge"])
        #expect(shop.notices.contains(.ignored("said before")))
        let before = try shop.contents()
        #expect(try shop.process(reply).outgoing.isEmpty)
        #expect(try shop.contents() == before)
    }

    @Test("F6: a success of an earlier attempt is a success", arguments: Storage.allCases)
    func earlierAttempt(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let saga = try shop.started()
        try shop.wake(after: 1000)
        let second = try shop.wake(after: 100)
        #expect(try second.commands().map(\.attempt) == [2])
        #expect(try second.commands().map(\.id.round) == [1])
        #expect(try shop.process(shop.reply(saga, "reserve", .retry, attempt: 1)).outgoing.isEmpty)
        let result = try shop.process(shop.reply(saga, "reserve", .succeeded, attempt: 1))
        #expect(try result.commands().map(\.type) == ["bank.charge"])
    }

    @Test("F5, rule 11: failed after succeeded is a dead letter and changes nothing", arguments: Storage.allCases)
    func contradiction(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let saga = try shop.started()
        try shop.process(shop.reply(saga, "reserve", .succeeded))
        let before = try shop.state(saga)
        try shop.process(shop.reply(saga, "reserve", .failed, ["code": "NO"]))
        #expect(try shop.state(saga) == before)
        let letter = try #require(try shop.deadLetters().first)
        #expect(letter.reason == "REPLY_CONTRADICTS")
        #expect(letter.saga == saga)
    }

    @Test("F5, rule 11: succeeded after failed is undone as well", arguments: Storage.allCases)
    func lateSuccess(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let saga = try shop.started()
        try shop.process(shop.reply(saga, "reserve", .succeeded))
        let failed = try shop.process(shop.reply(saga, "charge", .failed, ["code": "DECLINED"]))
        #expect(try failed.commands().map(\.type) == ["stock.release"])
        try shop.process(shop.reply(saga, "charge", .succeeded, [:]))
        #expect(shop.notices.contains(.contradiction(saga, step: "charge")))
        #expect(try shop.state(saga).status == .stuck)
        #expect(try shop.deadLetters().isEmpty)
    }

    @Test func declinedIsCompensatedInReverseOrder() throws {
        let shop = try Shop()
        let saga = try shop.started()
        try shop.process(shop.reply(saga, "reserve", .succeeded, ["place": "A1"]))
        let declined = try shop.process(shop.reply(saga, "charge", .failed, ["code": "DECLINED", "message": "no"]))
        let release = try #require(try declined.commands().first)
        #expect(release.id.description == "\(saga)/reserve/compensation/1")
        #expect(release.body == ["input": ["order": "4711"], "output": ["place": "A1"]])
        let end = try shop.process(shop.reply(saga, "reserve", .succeeded, [:], kind: .compensation))
        #expect(try shop.state(saga).status == .compensated)
        #expect(try end.events().map { $0["type"] } == ["COMPENSATED"])
        #expect(try end.events().first?["data"]?["reason"] == "STEP_FAILED")
        #expect(end.nextWake == nil)
    }

    @Test("Where users are checked, a reply from another user is forged")
    func forged() throws {
        var settings = EngineSettings()
        settings.participantUsers = ["stock": "stock-user"]
        let shop = try Shop(settings: settings)
        let saga = try shop.started()
        let before = try shop.state(saga)
        for user in [nil, "bank-user"] {
            var message = shop.reply(saga, "reserve", .succeeded).message
            message.properties.userID = user
            try shop.process(shop.delivery(.replies, message))
        }
        #expect(try shop.state(saga) == before)
        #expect(try shop.deadLetters().map(\.reason) == ["REPLY_FORGED", "REPLY_FORGED"])
        var message = shop.reply(saga, "reserve", .succeeded).message
        message.properties.userID = "stock-user"
        try shop.process(shop.delivery(.replies, message))
        // The bank is not named, so its replies are not checked.
        try shop.process(shop.reply(saga, "charge", .succeeded, [:]))
        #expect(try shop.state(saga).steps[1].status == .succeeded)
    }
}
