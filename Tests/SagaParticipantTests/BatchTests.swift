import GRDB
import SagaBus
import SagaCore
import Testing

@testable import SagaParticipant

@Suite("Batches")
struct BatchTests {
    @Test(
        "Rule 26, F26: a handler that breaks is answered retry and its neighbours are unaffected",
        arguments: ["counter.crash", "counter.violate"])
    func brokenHandler(type: String) throws {
        let story = try Story()
        let outcome = try story.begin(
            story.command(.action, "counter.add", step: "before"), story.command(.action, type, step: "broken"),
            story.command(.action, "counter.add", step: "after"))
        let replies = try outcome.replies.map { try Reply.decode($0.message) }
        #expect(replies.map(\.outcome) == [.succeeded, .retry, .succeeded])
        #expect(replies[1].body["code"] == "INTERNAL")
        #expect(outcome.faults.map(\.command.step) == ["broken"])
        #expect(try story.count == 2)
    }

    @Test("Rule 26, F26: when the commit itself fails, each command gets a transaction of its own")
    func failingCommit() throws {
        let story = try Story()
        try story.database.queue.write { db in
            try db.execute(
                sql: """
                    CREATE TRIGGER refuse_step BEFORE INSERT ON barrier WHEN NEW.step = 'broken'
                    BEGIN SELECT RAISE(ABORT, 'planted'); END
                    """)
        }
        let outcome = try story.begin(
            story.command(.action, "counter.add", step: "before"),
            story.command(.action, "counter.add", step: "broken"),
            story.command(.action, "counter.add", step: "after"))
        let replies = try outcome.replies.map { try Reply.decode($0.message) }
        #expect(replies.map(\.outcome) == [.succeeded, .retry, .succeeded])
        #expect(outcome.replies.map(\.delivery?.number) == [0, 1, 2])
        #expect(try story.count == 2)
    }

    @Test("the same command twice in one batch takes effect once")
    func twiceInOneBatch() throws {
        let story = try Story()
        let command = story.command(.action, "counter.add")
        let outcome = try story.begin(command, command)
        let replies = try outcome.replies.map { try Reply.decode($0.message) }
        #expect(replies.map(\.outcome) == [.succeeded, .succeeded])
        #expect(try story.count == 1)
    }

    @Test("Rule 19, F18: a command that cannot be understood is refused to its sender")
    func badCommand() throws {
        let story = try Story()
        var message = story.command(.action, "counter.add").message()
        message.body = Array("{\"by\":".utf8)
        let outcome = try story.core.process([story.delivery(message)], now: story.now)
        let reply = try Reply.decode(outcome.replies[0].message)
        #expect(reply.outcome == .failed && reply.body["code"] == "BAD_COMMAND")
        #expect(outcome.replies[0].message.routingKey == "skald.replies.0")
    }

    @Test(
        "a command's body that is no object was never a command: refused, and nothing is remembered",
        arguments: ["null", "[]", "5", #""x""#])
    func bodyThatIsNoObject(body: String) throws {
        let story = try Story()
        for kind in [CommandID.Kind.action, .compensation, .fence] {
            let type = [.action: "counter.add", .compensation: "counter.remove"][kind] ?? Command.fenceType
            var message = story.command(kind, type).message()
            message.body = Array(body.utf8)
            let outcome = try story.core.process([story.delivery(message)], now: story.now)
            let reply = try Reply.decode(outcome.replies[0].message)
            #expect(reply.outcome == .failed && reply.body["code"] == "BAD_COMMAND")
        }
        #expect(try story.action().outcome == .succeeded, "the barrier has kept nothing")
    }

    @Test(
        "the refusal of a command echoes an attempt that a reply may carry",
        arguments: [.int(0), .int(-1), .int(.max), .unsupported] as [HeaderValue])
    func refusedAttempt(attempt: HeaderValue) throws {
        let story = try Story()
        var message = story.command(.action, "counter.add").message()
        message.properties.headers = [("skald-attempt", attempt)]
        let outcome = try story.core.process([story.delivery(message)], now: story.now)
        let reply = try Reply.decode(outcome.replies[0].message)
        #expect(reply.body["code"] == "BAD_COMMAND")
        #expect(reply.attempt == 1)
    }

    @Test(
        "Rule 19, F18: without a sender it goes to the dead letters, its neighbours are executed",
        arguments: [nil, ""], ["{}", "{"])
    func deadLetter(replyTo: String?, body: String) throws {
        let story = try Story()
        var message = story.command(.action, "counter.add", step: "poison").message()
        message.properties.replyTo = replyTo
        message.body = Array(body.utf8)
        let outcome = try story.core.process(
            [story.delivery(message, 0), story.delivery(story.command(.action, "counter.add").message(), 1)],
            now: story.now)
        #expect(outcome.replies.map(\.message.exchange) == [SkaldNames.deadLetters, SkaldNames.replies])
        #expect(DeadLetter.decode(outcome.replies[0].message).reason == .missingID)
        #expect(try story.count == 1)
    }

    @Test("F18: what came too large to be sent on is cut for the dead letters, or it would come again for ever")
    func largeDeadLetter() throws {
        let story = try Story()
        var message = story.command(.action, "counter.add").message()
        message.properties.messageID = String(repeating: "\u{FFFD}", count: 255)
        message.properties.headers = [
            ("large", .string(String(repeating: "x", count: 70_000))), ("small", .int(1)),
            (String(repeating: "n", count: 200), .int(2)),
        ]
        let letter = try story.core.process([story.delivery(message)], now: story.now).replies[0].message
        #expect(letter.problem == nil)
        #expect(letter.properties.messageID == String(repeating: "\u{FFFD}", count: 85))
        #expect(letter.properties.headers.map(\.name).prefix(2) == ["small", "skald-reason"])
    }

    @Test("a type without a handler, or in the wrong role, is refused for good, naming those known")
    func unknownType() throws {
        let story = try Story()
        let unknown = try story.action("counter.fly")
        #expect(unknown.body["code"] == "BAD_COMMAND")
        #expect(unknown.body["message"]?.string?.contains("counter.add") == true)
        #expect(try story.action("counter.remove", round: 2).body["code"] == "BAD_COMMAND")
        #expect(try story.action("counter.add", attempt: 2).body["code"] == "BAD_COMMAND")
        #expect(try story.effects == 0)
    }

    @Test("F21: an error of the file stops the batch and leaves nothing of it")
    func fileError() throws {
        let story = try Story()
        try story.database.queue.writeWithoutTransaction { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            try db.execute(sql: "PRAGMA max_page_count = \(pages)")
        }
        let large = JSONValue.string(String(repeating: "x", count: 100_000))
        #expect(throws: DatabaseError.self) {
            try story.begin(
                story.command(.action, "counter.add", step: "before"),
                story.command(.action, "counter.call", body: ["by": large]))
        }
        #expect(try story.effects == 0)
        try story.database.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 100000") }
        #expect(try story.action().outcome == .succeeded)
    }
}
