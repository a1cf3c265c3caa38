import SagaBus
import SagaCore
import SagaStore
import Testing

@testable import SagaEngine
@testable import skald

/// What `skald dead-letters show` says, and what a replay would do.
@Suite struct DeadLetterTests {
    private let seeded: SeededStore

    init() throws { seeded = try SeededStore() }

    private func outlook(_ message: Message, reason: RefusalCode = .internal) throws -> ReplayOutlook {
        try seeded.store.write { try $0.keep(message, reason, at: seeded.now) }
        return try seeded.store.read { transaction in
            let newest = try #require(try transaction.deadLetters(includingSettled: true, limit: 1).first)
            return try ReplayOutlook(of: newest, in: transaction, at: seeded.later)
        }
    }

    private func reply(
        _ saga: SagaID, _ step: String, _ outcome: Outcome, body: JSONValue = SeededStore.output
    ) -> Message {
        let command = CommandID(saga: saga, step: step, kind: .action, round: 1)
        return Reply(command: command, outcome: outcome, attempt: 1, body: body).message(to: "skald.replies.0")
    }

    private func command(_ saga: SagaID, _ step: String) -> Message {
        Command(
            id: CommandID(saga: saga, step: step, kind: .action, round: 1), type: "inventory.reserve", attempt: 1,
            participant: "inventory", replyTo: "skald.replies.0", body: [:]
        ).message()
    }

    @Test("a reply is tried on the machine")
    func replies() throws {
        let id = try seeded.start()
        let awaited = try outlook(reply(id, "reserve-stock", .succeeded))
        #expect(awaited.safety == .safe)
        #expect(awaited.what.hasPrefix("the saga would take it as a late reply: reserve-stock: inventory.reserve took"))
        let early = try outlook(reply(id, "authorize", .succeeded), reason: .replyUnknown)
        #expect(early.safety == .safe)
        #expect(early.what.hasPrefix("it would come back as a dead letter: REPLY_UNKNOWN"))
        #expect(early.comesBack && !awaited.comesBack)
        let foreign = try outlook(reply(SagaID(milliseconds: 1, shard: 0, sequence: 1), "a", .failed, body: [:]))
        #expect(foreign.what.contains("this file has no saga"))
        let forged = try outlook(reply(id, "reserve-stock", .succeeded), reason: .replyForged)
        #expect(forged.safety == .unsafe)
        var wrong = reply(id, "reserve-stock", .succeeded)
        wrong.body = Array("{".utf8)
        #expect(try outlook(wrong).what.contains("the message itself is wrong (JSON_SYNTAX"))
        // Nothing of this was more than a trial.
        #expect(try seeded.state(id).sequence == 2)
    }

    @Test("a command of a saga that goes on is safe, one that nobody would undo is not")
    func commands() throws {
        let id = try seeded.start()
        #expect(try outlook(command(id, "reserve-stock")).safety == .safe)
        #expect(try outlook(command(id, "no-step")).safety == .unsafe)
        try seeded.ask(id, .abandon, reason: "by hand")
        let late = try outlook(command(id, "reserve-stock"))
        #expect(late.safety == .unsafe)
        #expect(late.what.contains("the saga has ended (abandoned): nobody would undo it"))
        #expect(try outlook(command(SagaID(milliseconds: 1, shard: 0, sequence: 1), "a")).safety == .unsafe)
        let expired = try outlook(command(id, "reserve-stock"), reason: .commandExpired)
        #expect(expired.safety == .refused)
        #expect(expired.what == "an expired command cannot be replayed")
    }

    @Test func startsAndRequests() throws {
        let start = StartRequest(requestID: "r", definition: "place-order", input: ["orderId": "1"])
        #expect(try outlook(start.message(shard: 0)).safety == .safe)
        let cancel = OperatorMessage(requestID: "r", verb: "cancel", body: ["saga": "x"])
        #expect(try outlook(cancel.message(shard: 0, expirationMilliseconds: 1)).safety == .unsafe)
        // By a queue's name, as it is where the sender used the default exchange.
        var direct = start.message(shard: 0)
        (direct.exchange, direct.routingKey) = ("", "skald.starts.0")
        #expect(try outlook(direct).what.contains("asked again to start place-order"))
        direct.routingKey = "someones.queue"
        #expect(try outlook(direct).safety == .unsafe)
        direct.exchange = "no.such.exchange"
        #expect(try outlook(direct).safety == .refused)
    }

    @Test func shownWhole() throws {
        let id = try seeded.start()
        _ = try outlook(reply(id, "reserve-stock", .succeeded))
        _ = try outlook(reply(id, "authorize", .succeeded), reason: .replyUnknown)
        func show(_ number: Int64) throws -> ShownText {
            let found = try seeded.store.read { try DeadLetterRecord.find([number], in: $0, at: seeded.later) }
            let record = try #require(found.first)
            return ShownText(
                DeadLetterText.whole(record.letter, record.outlook, flags: " --data-dir x", paint: plain))
        }
        let text = try show(2)
        #expect(text.lines[0] == "Dead letter 2, REPLY_UNKNOWN")
        #expect(text.lines[1].hasPrefix("A reply to a saga or a command that this file does not have"))
        #expect(text.has("  saga: \(id), see skald show \(id) --data-dir x"))
        #expect(text.section("Where it was going, and its headers").contains("header skald-outcome: succeeded"))
        #expect(text.has("  correlation_id: \(id)/authorize/action/1"))
        #expect(text.has("    \"capture\": \"c1\""))
        #expect(text.section("If it were replayed").first?.hasPrefix("No use: it would come back") == true)
        #expect(
            text.section("What you can do now") == ["skald dead-letters discard 2 --reason \"…\" --data-dir x"])
        let useful = try show(1)
        #expect(useful.section("If it were replayed").first?.hasPrefix("Safe: the saga would take it") == true)
        #expect(
            useful.section("What you can do now") == [
                "skald dead-letters replay 1 --reason \"…\" --data-dir x",
                "skald dead-letters discard 1 --reason \"…\" --data-dir x",
            ])
        try seeded.store.write {
            try $0.settle(1, .init("discarded", at: seeded.now, author: "ann", reason: "ticket 7"))
        }
        #expect(try show(1).has("  settled: discarded by ann at 2026-"))
        #expect(try show(1).has("UTC: ticket 7"))
        #expect(try show(1).has("  Not possible: it has been discarded already."))
        #expect(try show(1).section("What you can do now") == [])
    }

    @Test("every code of a refusal has words")
    func reasons() {
        for code: RefusalCode in [.jsonSyntax, .missingID, .replyUnknown, .replyForged, .commandExpired, .internal] {
            #expect(DeadLetterReason.words(code.rawValue) != DeadLetterReason.words("OTHER"))
        }
    }
}

extension StoreTransaction {
    func keep(_ message: Message, _ reason: RefusalCode, at now: Timestamp) throws {
        try addDeadLetter(
            at: now, reason: reason.rawValue, detail: "\(reason): why", saga: message.saga,
            exchange: message.exchange, routingKey: message.routingKey, properties: message.properties.encodedJSON,
            body: message.body)
    }
}

extension Message {
    fileprivate var saga: SagaID? { properties.correlationID.flatMap { CommandID($0)?.saga } }
}
