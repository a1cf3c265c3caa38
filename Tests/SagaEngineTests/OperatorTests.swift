import Glibc
import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

@Suite("Operators")
struct OperatorTests {
    @Test("F27: the same request twice gets the same answer", arguments: Storage.allCases)
    func sameRequest(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let saga = try shop.started()
        let first = try shop.process(shop.request("pause", of: saga)).answers()
        #expect(first.map(\.kind) == [.applied])
        #expect(first.first?.body["status"] == "running")
        let before = try shop.state(saga)
        let second = try shop.process(shop.request("pause", of: saga)).answers()
        #expect(second.first?.kind == .applied)
        #expect(second.first?.body["message"] == first.first?.body["message"])
        #expect(try shop.state(saga) == before)

        // A refusal is an answer too, whatever the saga does later.
        let refused = try shop.process(shop.request("pause", of: saga, id: "op2")).answers()
        #expect(refused.first?.body["code"] == "NOT_ALLOWED")
        try shop.process(shop.request("resume", of: saga, id: "op3"))
        #expect(try shop.process(shop.request("pause", of: saga, id: "op2")).answers() == refused)
        #expect(try !shop.state(saga).isPaused)
    }

    @Test("F27: whoever saw an older history gets a conflict", arguments: Storage.allCases)
    func conflict(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let saga = try shop.started()
        let seen = JSONValue.number(JSONNumber(Int64(try shop.state(saga).sequence)))
        try shop.process(shop.reply(saga, "reserve", .succeeded))
        let late = try shop.process(shop.request("cancel", of: saga, ["expect": seen])).answers()
        #expect(late.first?.body["code"] == "CONFLICT")
        #expect(try shop.state(saga).status == .running)
        let now = JSONValue.number(JSONNumber(Int64(try shop.state(saga).sequence)))
        let result = try shop.process(shop.request("cancel", of: saga, ["expect": now], id: "op2"))
        #expect(try result.answers().first?.kind == .applied)
        #expect(try shop.state(saga).rollback?.reason == .cancelled)
    }

    @Test("F27: a request and a reply in one batch: the loser is told")
    func race() throws {
        let shop = try Shop()
        let saga = try shop.started()
        let seen = JSONValue.number(JSONNumber(Int64(try shop.state(saga).sequence)))
        let result = try shop.process(
            shop.request("cancel", of: saga, ["expect": seen]),
            shop.request("pause", of: saga, ["expect": seen], id: "op2"))
        #expect(try result.answers().map(\.kind) == [.applied, .refused])
        #expect(try result.answers().last?.body["code"] == "CONFLICT")
    }

    @Test func aRequestWithoutAnAddressIsStillApplied() throws {
        let shop = try Shop()
        let saga = try shop.started()
        try shop.process(shop.request("pause", ["saga": .string(saga.description)], replyTo: nil))
        #expect(try shop.state(saga).isPaused)
        #expect(try shop.deadLetters().isEmpty)
    }

    @Test func requestsAreInTheHistoryWithTheirAuthor() throws {
        let shop = try Shop()
        let saga = try shop.started()
        try shop.process(shop.request("abandon", of: saga, ["reason": "lost parcel", "by": "ada"]))
        let history = try shop.store.read { try $0.history(of: saga, definition: Shop.definition) }
        let entry = try #require(history.last { $0.json["event"] == "requested" })
        #expect(entry.json["by"] == "ada")
        #expect(entry.json["reason"] == "lost parcel")
        #expect(try shop.state(saga).status == .abandoned)
    }

    @Test(arguments: Storage.allCases)
    func anEndedSagaTakesNoVerb(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let saga = try shop.started()
        try shop.process(shop.request("abandon", of: saga, ["reason": "test"], id: "first"))
        let ended = try shop.state(saga)
        for verb in OperatorVerb.allCases {
            let result = try shop.process(
                shop.request(verb.rawValue, of: saga, ["reason": "r", "as": "failed"], id: verb.rawValue))
            #expect(try result.answers().first?.body["code"] == "NOT_ALLOWED")
            #expect(try result.commands().isEmpty)
        }
        #expect(try shop.state(saga).status == ended.status)
        #expect(try shop.state(saga).endedAt == ended.endedAt)
    }

    // MARK: Dead letters

    private func shopWithDeadLetter(_ storage: Storage = .memory) throws -> (Shop, SagaID, Message) {
        let shop = try Shop(storage)
        let saga = try shop.started()
        let early = shop.reply(saga, "charge", .succeeded, ["c": 1])
        try shop.process(early)
        #expect(try shop.deadLetters().map(\.reason) == ["REPLY_UNKNOWN"])
        return (shop, saga, early.message)
    }

    @Test("Replay sends a dead letter where it was going, once per request", arguments: Storage.allCases)
    func replay(_ storage: Storage) throws {
        let (shop, _, original) = try shopWithDeadLetter(storage)
        let first = try shop.process(shop.request("replay", ["deadLetter": 1]))
        let sent = try #require(first.outgoing.first { !$0.exchange.isEmpty })
        #expect(sent.exchange == original.exchange)
        #expect(sent.routingKey == original.routingKey)
        #expect(sent.body == original.body)
        #expect(sent.message.properties == original.properties)
        #expect(sent.message.isMandatory, "a replayed message that no queue takes must not be lost")
        #expect(try shop.deadLetters().first?.settlement?.outcome == "replayed")

        let again = try shop.process(shop.request("replay", ["deadLetter": 1]))
        #expect(try again.answers() == first.answers())
        #expect(again.outgoing.count == 1)
        let other = try shop.process(shop.request("discard", ["deadLetter": 1], id: "other"))
        #expect(try other.answers().first?.body["code"] == "CONFLICT")
    }

    @Test("Discard closes a dead letter, once per request", arguments: Storage.allCases)
    func discard(_ storage: Storage) throws {
        let (shop, _, _) = try shopWithDeadLetter(storage)
        let request: JSONObject = ["deadLetter": 1, "by": "ann", "reason": "ticket 7"]
        let first = try shop.process(shop.request("discard", request))
        #expect(first.outgoing.count == 1)
        let settlement = try #require(try shop.deadLetters().first?.settlement)
        #expect(settlement == .init("discarded", at: shop.now, author: "ann", reason: "ticket 7"))
        #expect(try shop.process(shop.request("discard", request)).answers() == first.answers())
    }

    @Test("F27: a refusal about a dead letter is kept as well", arguments: Storage.allCases)
    func refusalIsKept(_ storage: Storage) throws {
        let (shop, saga, _) = try shopWithDeadLetter(storage)
        let refused = try shop.process(shop.request("discard", ["deadLetter": 2])).answers()
        #expect(refused.first?.kind == .refused)
        try shop.process(shop.reply(saga, "ship", .succeeded))
        #expect(try shop.process(shop.request("discard", ["deadLetter": 2])).answers() == refused)
        #expect(try shop.deadLetters().allSatisfy { $0.settlement == nil })
    }

    @Test("Rule 19: an expired command is not replayed, nor what was going nowhere")
    func notReplayed() throws {
        let shop = try Shop()
        let message = Message(
            exchange: "skald.commands", routingKey: "stock", properties: MessageProperties(messageID: "m"), body: [])
        try shop.process(
            shop.delivery(
                .deadLetters, DeadLetter.message(for: message, reason: Refusal(code: .commandExpired, message: ""))))
        var elsewhere = message
        elsewhere.exchange = "no.such.exchange"
        try shop.process(
            shop.delivery(
                .deadLetters, DeadLetter.message(for: elsewhere, reason: Refusal(code: .badCommand, message: ""))))
        for letter in 1...2 {
            let answers = try shop.process(
                shop.request("replay", ["deadLetter": .number(JSONNumber(Int64(letter)))], id: "r\(letter)")
            ).answers()
            #expect(answers.first?.body["code"] == "NOT_ALLOWED")
        }
        #expect(try shop.outbox.allSatisfy { $0.exchange.isEmpty })
    }

    @Test(
        "F18: a replayed dead letter that AMQP cannot carry is refused at replay with its code, and can be discarded",
        arguments: ["a long id", "a long header name", "large headers"])
    func replayOfWhatAMQPCannotCarry(_ what: String) throws {
        var properties = MessageProperties(messageID: "m")
        switch what {
        case "a long id": properties.messageID = String(repeating: "i", count: 256)
        case "a long header name": properties.headers = [(String(repeating: "h", count: 129), .bool(true))]
        default: properties.headers = [("h", .string(String(repeating: "v", count: 65 << 10)))]
        }
        let shop = try Shop()
        // Another library, whose limits are others, has sent what nobody can read.
        let message = Message(exchange: SkaldNames.starts, routingKey: "0", properties: properties, body: [])
        try shop.process(shop.delivery(.starts, message))
        #expect(try shop.deadLetters().count == 1)
        let answers = try shop.process(shop.request("replay", ["deadLetter": 1])).answers()
        #expect(answers.first?.kind == .refused)
        #expect(answers.first?.body["code"] == "NOT_ALLOWED")
        #expect(answers.first?.body["path"] == "deadLetter")
        #expect(answers.first?.body["message"]?.string?.contains("which AMQP cannot carry") == true)
        #expect(try shop.outbox.allSatisfy { $0.exchange.isEmpty })
        #expect(try shop.deadLetters().first?.settlement == nil)
        let discarded = try shop.process(shop.request("discard", ["deadLetter": 1], id: "d")).answers()
        #expect(discarded.first?.kind == .applied)
    }

    @Test("F23: whoever is refused the shard is told which process has it")
    func owner() throws {
        let shop = try Shop(.file)
        let answers = try shop.process(shop.request("skald.owner", [:])).answers()
        #expect(answers.first?.kind == .applied)
        let owner = answers.first?.body["owner"]?.string ?? ""
        #expect(owner.hasPrefix("pid \(getpid()) on "), "\(owner)")
        #expect(owner.contains(", since 2"), "\(owner)")
    }
}
