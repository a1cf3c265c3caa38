import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

@Suite("Starts")
struct StartTests {
    @Test(arguments: Storage.allCases)
    func aStartIsAccepted(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let result = try shop.process(shop.start())
        let answer = try #require(try result.answers().first)
        let command = try #require(try result.commands().first)
        #expect(answer.kind == .accepted)
        #expect(answer.requestID == "request")
        #expect(answer.body["saga"]?.string == command.id.saga.description)
        #expect(answer.body["key"] == "4711")
        #expect(answer.body["status"] == "running")
        #expect(answer.body["existing"] == false)
        #expect(command.id.description == "\(command.id.saga)/reserve/action/1")
        #expect(command.type == "stock.reserve")
        #expect(command.participant == "stock")
        #expect(command.replyTo == "skald.replies.0")
        #expect(command.attempt == 1)
        #expect(command.body == ["order": "4711"])
        #expect(result.outgoing.count { $0.message.isMandatory } == 1)
        #expect(result.nextWake == Shop.start.adding(milliseconds: 1000))
        #expect(try shop.outbox == result.outgoing)
    }

    @Test("Rule 22: the same start again is the same saga", arguments: Storage.allCases)
    func repeated(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let first = try shop.process(shop.start())
        let before = try shop.contents().filter { !$0.hasPrefix("outbox") }
        // Another request, members in another order, numbers written otherwise.
        let body = Array(#"{"amount":1.00e2,"order":"4711"}"#.utf8)
        var message = shop.start(id: "another").message
        message.body = body
        let second = try shop.process(shop.delivery(.starts, message))
        #expect(try second.answers().first?.body["saga"] == first.answers().first?.body["saga"])
        #expect(try second.answers().first?.body["existing"] == true)
        #expect(try second.commands().isEmpty)
        #expect(try shop.contents().filter { !$0.hasPrefix("outbox") } == before)
    }

    @Test("Rule 22: twice in one batch is one saga")
    func twiceInOneBatch() throws {
        let shop = try Shop()
        let result = try shop.process(shop.start(id: "a"), shop.start(id: "b"))
        #expect(try result.commands().count == 1)
        #expect(try Set(result.answers().map { $0.body["saga"] }).count == 1)
        #expect(try result.answers().map { $0.body["existing"] } == [false, true])
    }

    @Test("Rule 22: the key with other input is a conflict that names the saga", arguments: Storage.allCases)
    func conflict(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let saga = try shop.started()
        let result = try shop.process(shop.start(amount: 200, id: "other"))
        let answer = try #require(try result.answers().first)
        #expect(answer.kind == .refused)
        #expect(answer.body["code"] == "IDEMPOTENCY_CONFLICT")
        #expect(answer.body["saga"]?.string == saga.description)
        #expect(try shop.deadLetters().isEmpty)
        #expect(try result.commands().isEmpty)
    }

    @Test("What the input check refuses is not started; a key that is taken is a conflict before anything else")
    func inputCheck() throws {
        var settings = EngineSettings()
        settings.inputCheck = { definition, input in
            guard input["amount"] == 200 else { return nil }
            return Refusal(code: .moneyMismatch, path: "amount", message: "not of \(definition.name)")
        }
        let shop = try Shop(settings: settings)
        let refused = try shop.process(shop.start(amount: 200))
        #expect(try refused.answers().first?.body["code"] == "MONEY_MISMATCH")
        #expect(try refused.answers().first?.body["path"] == "amount")
        #expect(try refused.commands().isEmpty)
        _ = try shop.started()
        let conflict = try shop.process(shop.start(amount: 200, id: "other"))
        #expect(try conflict.answers().first?.body["code"] == "IDEMPOTENCY_CONFLICT")
    }

    @Test("Rule 22: only a compensated or abandoned saga has a successor, and only one", arguments: Storage.allCases)
    func again(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let first = try shop.started()
        func code(_ delivery: Delivery) throws -> JSONValue? {
            try shop.process(delivery).answers().first?.body["code"]
        }
        #expect(try code(shop.start(amount: 200, again: first)) == "NOT_ALLOWED")
        try shop.process(shop.request("abandon", of: first, ["reason": "test"]))

        // Without again it stays the same saga.
        let same = try shop.process(shop.start(id: "same")).answers()
        #expect(same.first?.body["saga"]?.string == first.description)
        #expect(same.first?.body["status"] == "abandoned")

        let successor = try shop.process(shop.start(amount: 200, id: "next", again: first))
        let second = try #require(try successor.commands().first?.id.saga)
        #expect(second > first)
        #expect(try successor.answers().first?.body["existing"] == false)

        let repeated = try shop.process(shop.start(amount: 200, id: "next", again: first))
        #expect(try repeated.answers().first?.body["saga"]?.string == second.description)
        #expect(try repeated.answers().first?.body["existing"] == true)
        #expect(try code(shop.start(amount: 300, id: "third", again: first)) == "IDEMPOTENCY_CONFLICT")

        // A late repetition still finds its saga when that one has a successor as well.
        try shop.process(shop.request("abandon", of: second, ["reason": "test"], id: "op2"))
        let third = try #require(
            try shop.process(shop.start(amount: 300, id: "third", again: second)).commands().first?.id.saga)
        #expect(third > second)
        let late = try shop.process(shop.start(amount: 200, id: "next", again: first)).answers()
        #expect(late.first?.body["saga"]?.string == second.description)
        #expect(try shop.store.read { try $0.sagas(withKey: "4711") } == [third, second, first])

        // So does the first start, though the saga that has the key now has other input.
        let old = try shop.process(shop.start(id: "same")).answers()
        #expect(old.first?.body["saga"]?.string == first.description)
        #expect(old.first?.body["existing"] == true)
        #expect(try code(shop.start(amount: 400, id: "fourth")) == "IDEMPOTENCY_CONFLICT")
    }

    @Test func againOfAKeyWithoutASaga() throws {
        let shop = try Shop()
        let other = try shop.started("1")
        let result = try shop.process(shop.start("2", again: other))
        #expect(try result.answers().first?.body["code"] == "SAGA_UNKNOWN")
    }

    @Test("Rule 15: new starts take the highest version unless they name one")
    func versions() throws {
        let second = Shop.define(
            """
            saga: shop
            version: 2
            key: ${input.order}
            steps: [{ name: only, participant: stock, action: stock.all, compensation: none }]
            """)
        let shop = try Shop(definitions: [Shop.definition, second])
        let newest = try shop.process(shop.start("1", id: "a")).commands().first
        #expect(newest?.type == "stock.all")
        let named = try shop.process(shop.start("2", id: "b", version: 1)).commands().first
        #expect(named?.type == "stock.reserve")
    }

    @Test("Rule 15, F25: with the file gone a saga goes on from the database", arguments: Storage.allCases)
    func fileGone(_ storage: Storage) throws {
        let shop = try Shop(storage, definitions: [])
        try shop.restart(definitions: [Shop.definition])
        var batch = EngineBatch()
        batch.deliveries = [shop.start()]
        var random = SplitMix64(seed: 3)
        let first = try shop.core.process(batch, at: shop.now, using: &random)
        let saga = try #require(try first.commands().first?.id.saga)
        try shop.restart()
        let result = try shop.process(shop.reply(saga, "reserve", .succeeded))
        #expect(try result.commands().map(\.type) == ["bank.charge"])
        #expect(try result.commands().first?.body == ["amount": 100, "place": "A1"])
    }

    @Test("Rule 15, F25: a file that changed under its version is refused while sagas are open")
    func changedFile() throws {
        let shop = try Shop()
        let saga = try shop.started()
        let changed = Shop.define(
            """
            saga: shop
            version: 1
            key: ${input.order}
            steps: [{ name: only, participant: stock, action: stock.all, compensation: none }]
            """)
        #expect(try shop.core.load([changed]) == [changed])
        #expect(try shop.process(shop.start("2", id: "b")).commands().first?.type == "stock.reserve")
        for id in try shop.store.read({ try $0.sagas(SagaFilter()) }).map(\.id) {
            try shop.process(shop.request("abandon", of: id, ["reason": "test"]))
        }
        #expect(try shop.core.load([changed]).isEmpty)
        #expect(try shop.process(shop.start("3", id: "c")).commands().first?.type == "stock.all")
        #expect(try shop.state(saga).definition == Shop.definition)
    }

    @Test func anAnswerAddressCannotCutTheRow() throws {
        let shop = try Shop()
        try shop.process(shop.start(replyTo: "caller\0else"))
        #expect(try shop.outbox.contains { $0.routingKey == "caller\u{FFFD}else" })
    }
}
