import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

extension Message {
    fileprivate mutating func setHeader(_ name: String, _ value: HeaderValue) {
        properties.headers.removeAll { $0.name == name }
        properties.headers.append((name, value))
    }
}

/// A message that is refused, and why.
struct BadMessage: Sendable, CustomTestStringConvertible {
    let name: String
    let code: String
    let change: @Sendable (inout Message) -> Void

    init(_ name: String, _ code: String, _ change: @escaping @Sendable (inout Message) -> Void) {
        self.name = name
        self.code = code
        self.change = change
    }

    init(body: String, _ code: String) {
        self.init(body.unicodeScalars.prefix(40).map { $0.escaped(asASCII: true) }.joined(), code) {
            $0.body = Array(body.utf8)
        }
    }

    var testDescription: String { "\(name) → \(code)" }

    /// Bodies no door takes.
    static let bodies: [BadMessage] = [
        BadMessage(body: "{order: 1}", "JSON_SYNTAX"),
        BadMessage(body: #"{"order": "1",}"#, "JSON_SYNTAX"),
        BadMessage(body: #"{"order": NaN}"#, "JSON_NUMBER"),
        BadMessage(body: #"{"order": "1", "order": "2"}"#, "JSON_DUPLICATE_KEY"),
        BadMessage(body: "\u{FEFF}{}", "JSON_ENCODING"),
        BadMessage(body: #"{"order": "\ud800"}"#, "JSON_ENCODING"),
        BadMessage(body: #"{"order": "a\u0000b"}"#, "JSON_ENCODING"),
        BadMessage(body: String(repeating: "[", count: 40), "JSON_DEPTH"),
        BadMessage(body: "[1]", "FIELD_TYPE"),
        BadMessage("invalid UTF-8", "JSON_ENCODING") { $0.body = [0x7b, 0x22, 0xff, 0x22, 0x7d] },
        BadMessage("257 KiB", "MESSAGE_TOO_LARGE") {
            $0.body = Array(#"{"order":"\#(String(repeating: "x", count: 257 * 1024))"}"#.utf8)
        },
    ]

    static let ids: [BadMessage] = [
        BadMessage("no id", "MISSING_ID") { $0.properties.messageID = nil },
        BadMessage("an empty id", "MISSING_ID") { $0.properties.messageID = "" },
        BadMessage("an id of 256 bytes", "ID_FORMAT") { $0.properties.messageID = String(repeating: "i", count: 256) },
        BadMessage("an id with a line end", "ID_FORMAT") { $0.properties.messageID = "a\nb" },
        BadMessage("no type", "MISSING_ID") { $0.properties.type = nil },
    ]

    static let starts: [BadMessage] = [
        BadMessage("unknown definition", "DEFINITION_UNKNOWN") { $0.properties.type = "shopp" },
        BadMessage("unknown version", "VERSION_UNKNOWN") { $0.properties.headers = [("skald-version", .int(7))] },
        BadMessage("a version that is none", "FIELD_TYPE") { $0.properties.headers = [("skald-version", .bool(true))] },
        BadMessage("a version of a foreign kind", "FIELD_TYPE") {
            $0.properties.headers = [("skald-version", .unsupported)]
        },
        BadMessage("an old saga of a foreign kind", "FIELD_TYPE") {
            $0.properties.headers = [("skald-again", .unsupported)]
        },
        BadMessage("an old saga as a number", "FIELD_TYPE") { $0.properties.headers = [("skald-again", .int(4))] },
        BadMessage("an old saga that is none", "ID_FORMAT") { $0.properties.headers = [("skald-again", .string("?"))] },
        BadMessage(body: #"{"order": "1"}"#, "INPUT_MISSING"),
        BadMessage(body: #"{"order": "", "amount": 1}"#, "KEY_FORMAT"),
        BadMessage(body: #"{"order": 1.5, "amount": 1}"#, "KEY_FORMAT"),
        BadMessage(body: #"{"order": ["1"], "amount": 1}"#, "KEY_FORMAT"),
        BadMessage(body: #"{"order": null, "amount": 1}"#, "KEY_FORMAT"),
        BadMessage("a key of 201 bytes", "KEY_FORMAT") {
            $0.body = Array(#"{"order": "\#(String(repeating: "k", count: 201))", "amount": 1}"#.utf8)
        },
    ]

    static let replies: [BadMessage] = [
        BadMessage("no correlation id", "MISSING_ID") { $0.properties.correlationID = nil },
        BadMessage("a correlation id that is no command's", "ID_FORMAT") { $0.properties.correlationID = "4711" },
        BadMessage("another type", "FIELD_VALUE") { $0.properties.type = "answer" },
        BadMessage("no outcome", "FIELD_MISSING") { $0.properties.headers.removeAll { $0.name == "skald-outcome" } },
        BadMessage("an outcome of the wrong type", "FIELD_TYPE") { $0.setHeader("skald-outcome", .int(1)) },
        BadMessage("an outcome that is none", "FIELD_VALUE") { $0.setHeader("skald-outcome", .string("done")) },
        BadMessage("failed without an attempt", "FIELD_MISSING") {
            $0.properties.headers = [("skald-outcome", .string("failed"))]
        },
        BadMessage("retry without an attempt", "FIELD_MISSING") {
            $0.properties.headers = [("skald-outcome", .string("retry"))]
        },
        BadMessage("an attempt of a foreign kind", "FIELD_TYPE") { $0.setHeader("skald-attempt", .unsupported) },
        BadMessage("a pause of a foreign kind", "FIELD_TYPE") { $0.setHeader("skald-retry-after", .unsupported) },
        BadMessage("attempt 0", "FIELD_VALUE") { $0.setHeader("skald-attempt", .int(0)) },
        BadMessage("a negative attempt", "FIELD_VALUE") { $0.setHeader("skald-attempt", .int(-1)) },
        BadMessage("an attempt that is none", "FIELD_TYPE") {
            $0.properties.headers = [("skald-outcome", .string("succeeded")), ("skald-attempt", .string("one"))]
        },
        BadMessage("a negative pause", "FIELD_VALUE") { $0.properties.headers.append(("skald-retry-after", .int(-1))) },
        BadMessage("an unknown saga", "REPLY_UNKNOWN") {
            $0.properties.correlationID = "\(SagaID(milliseconds: 5, shard: 0, sequence: 5))/reserve/action/1"
        },
        BadMessage("an unknown step", "REPLY_UNKNOWN") {
            $0.properties.correlationID = $0.properties.correlationID?.replacing("reserve", with: "reverse")
        },
        BadMessage("a step not sent yet", "REPLY_UNKNOWN") {
            $0.properties.correlationID = $0.properties.correlationID?.replacing("reserve", with: "charge")
        },
        BadMessage("a round not opened", "REPLY_UNKNOWN") {
            $0.properties.correlationID = $0.properties.correlationID?.replacing("action/1", with: "action/2")
        },
        BadMessage("an attempt not made", "REPLY_UNKNOWN") {
            $0.properties.headers = [("skald-outcome", .string("succeeded")), ("skald-attempt", .int(2))]
        },
    ]

    static let requests: [BadMessage] = [
        BadMessage("unknown verb", "VERB_UNKNOWN") { $0.properties.type = "explode" },
        BadMessage(body: "{}", "FIELD_MISSING"),
        BadMessage(body: #"{"saga": null}"#, "FIELD_MISSING"),
        BadMessage(body: #"{"saga": "!"}"#, "ID_FORMAT"),
        BadMessage(body: #"{"saga": 7}"#, "FIELD_TYPE"),
        BadMessage(body: #"{"saga": "0000000000001"}"#, "SAGA_UNKNOWN"),
        BadMessage(body: #"{"saga": "0000000000001", "force": true}"#, "FIELD_UNKNOWN"),
        BadMessage(body: #"{"saga": "0000000000001", "as": "skip"}"#, "FIELD_VALUE"),
        BadMessage(body: #"{"saga": "0000000000001", "as": "maybe"}"#, "FIELD_VALUE"),
        BadMessage(body: #"{"saga": "0000000000001", "as": 1}"#, "FIELD_TYPE"),
        BadMessage(body: #"{"saga": "0000000000001", "reason": 1}"#, "FIELD_TYPE"),
        BadMessage("a reason of 4001 bytes", "FIELD_VALUE") {
            $0.body = Array(#"{"saga": "0000000000001", "reason": "\#(String(repeating: "r", count: 4001))"}"#.utf8)
        },
        BadMessage("no dead letter named", "FIELD_MISSING") {
            ($0.properties.type, $0.body) = ("replay", Array("{}".utf8))
        },
        BadMessage("a dead letter that is none", "FIELD_TYPE") {
            ($0.properties.type, $0.body) = ("discard", Array(#"{"deadLetter": "7"}"#.utf8))
        },
        BadMessage("a dead letter there is not", "FIELD_VALUE") {
            ($0.properties.type, $0.body) = ("discard", Array(#"{"deadLetter": 7}"#.utf8))
        },
        BadMessage(body: #"{"saga": "0000000000001", "output": 3}"#, "FIELD_TYPE"),
        BadMessage(body: #"{"saga": "0000000000001", "expect": 1.5}"#, "FIELD_TYPE"),
    ]
}

/// F18: what cannot be handled is refused to its sender, or kept as a dead letter, and its neighbours are unaffected.
@Suite("Bad input")
struct BadInputTests {
    /// Handles the message between two good ones.
    private func outcome(
        of message: Message, at consumer: ConsumerID, in shop: Shop
    ) throws -> (answers: [Answer], letters: [StoredDeadLetter]) {
        let before = try shop.started("neighbour")
        let result = try shop.process(
            shop.start("left", id: "left", replyTo: nil), shop.delivery(consumer, message),
            shop.reply(before, "reserve", .succeeded))
        #expect(try result.commands().map(\.type) == ["stock.reserve", "bank.charge"], "the neighbours go on")
        return (try result.answers(), try shop.deadLetters())
    }

    private func check(_ bad: BadMessage, _ good: Message, at consumer: ConsumerID, in shop: Shop) throws {
        var message = good
        bad.change(&message)
        let (answers, letters) = try outcome(of: message, at: consumer, in: shop)
        if message.properties.replyTo != nil {
            #expect(answers.map { $0.body["code"]?.string } == [bad.code])
            #expect(letters.isEmpty)
        } else {
            #expect(answers.isEmpty)
            #expect(letters.map(\.reason) == [bad.code])
            #expect(letters.first?.body == message.body)
            #expect(letters.first?.exchange == message.exchange)
            #expect(letters.first?.routingKey == message.routingKey)
        }
    }

    @Test(arguments: BadMessage.bodies + BadMessage.ids + BadMessage.starts)
    func starts(_ bad: BadMessage) throws {
        let shop = try Shop()
        try check(bad, shop.start("x").message, at: .starts, in: shop)
    }

    @Test(arguments: BadMessage.bodies + BadMessage.ids + BadMessage.starts)
    func startsWithoutASender(_ bad: BadMessage) throws {
        let shop = try Shop()
        try check(bad, shop.start("x", replyTo: nil).message, at: .starts, in: shop)
    }

    @Test(arguments: BadMessage.bodies + BadMessage.replies)
    func replies(_ bad: BadMessage) throws {
        let shop = try Shop()
        let saga = try shop.started("x")
        let before = try shop.state(saga)
        try check(bad, shop.reply(saga, "reserve", .succeeded).message, at: .replies, in: shop)
        #expect(try shop.state(saga) == before)
    }

    @Test(arguments: BadMessage.bodies + BadMessage.ids + BadMessage.requests)
    func requests(_ bad: BadMessage) throws {
        let shop = try Shop()
        let saga = try shop.started("x")
        let before = try shop.state(saga)
        try check(bad, shop.request("pause", of: saga).message, at: .operatorRequests, in: shop)
        #expect(try shop.state(saga) == before)
    }

    @Test(arguments: ["", String(repeating: "q", count: 256)])
    func noAnswerGoesWhereNoQueueCanBe(replyTo: String) throws {
        let shop = try Shop()
        let saga = try shop.started("x")
        let pause = shop.request("pause", ["saga": .string(saga.description)], replyTo: replyTo)
        let result = try shop.process(
            shop.start("x", id: "again", replyTo: replyTo), shop.start("y", definition: "none", replyTo: replyTo),
            pause, shop.request("explode", [:], replyTo: replyTo))
        #expect(try result.answers().isEmpty)
        #expect(try shop.state(saga).isPaused)
        #expect(try shop.deadLetters().map(\.reason).sorted() == ["DEFINITION_UNKNOWN", "VERB_UNKNOWN"])
    }

    @Test func refusalsSayWhatWasExpected() throws {
        let shop = try Shop()
        let saga = try shop.started("x")
        let long = JSONValue.string(String(repeating: "r", count: 4001))
        let large = try JSONValue.parse(Array("1\(String(repeating: "0", count: 30))".utf8))
        let answers = try shop.process(
            shop.request("pause", of: saga, ["reason": long], id: "1"),
            shop.request("resolve", of: saga, ["step": "charge", "as": "maybe"], id: "2"),
            shop.start(large, id: "3"), shop.start(true, id: "4")
        ).answers()
        #expect(
            answers.map { $0.body["message"]?.string } == [
                "must be a text of at most 4000 bytes", "must be succeeded or failed",
                "the business key must be a text or an integer of 64 bits",
                "the business key must be a text or an integer of 64 bits",
            ])
        #expect(answers.map { $0.body["path"]?.string } == ["reason", "as", "key", "key"])
    }

    @Test func refusalsNameWhatIsKnownAndEchoNothing() throws {
        let shop = try Shop()
        let saga = try shop.started("x")
        let secret = "secret-4242"
        let refusals = try shop.process(
            shop.start("y", id: "1", definition: secret), shop.start("y", id: "2", version: 9),
            shop.request(secret, of: saga, id: "3"), shop.request("pause", ["saga": .string(secret)], id: "4"),
            shop.request("retry", of: saga, ["step": .string(secret)], id: "5")
        ).answers()
        #expect(refusals.map(\.kind) == Array(repeating: .refused, count: 5))
        let messages = refusals.map { $0.body["message"]?.string ?? "" }
        #expect(messages[0].contains("shop"))
        #expect(messages[1].contains("1"))
        #expect(messages[2].contains("abandon"))
        #expect(messages[4].contains("reserve"))
        #expect(!messages.contains { $0.contains(secret) })
    }

    @Test func aDeadLetterIsKeptWholeWithoutNULs() throws {
        let shop = try Shop()
        var message = shop.start(replyTo: nil).message
        message.properties.messageID = "a\0b"
        message.properties.type = "t\0"
        message.properties.headers = [
            ("h\0", .string("v\0")), ("n", .int(3)), ("f", .bool(true)), ("skald-version", .unsupported),
        ]
        message.routingKey = "k\0"
        message.body = [0, 1, 2, 255]
        try shop.process(shop.delivery(.starts, message))
        let letter = try #require(try shop.deadLetters().first)
        #expect(letter.body == [0, 1, 2, 255])
        #expect(letter.routingKey == "k\u{FFFD}")
        let properties = MessageProperties(json: letter.properties)
        #expect(properties.messageID == "a\u{FFFD}b")
        #expect(properties.header("h\u{FFFD}") == .string("v\u{FFFD}"))
        #expect(properties.header("n") == .int(3))
        #expect(properties.header("f") == .bool(true))
        #expect(properties.header("skald-version") == .unsupported, "it is refused again when it is replayed")
    }

    @Test("Rule 19: what participants send to the dead letters is stored with their reason, however large")
    func participantsDeadLetters() throws {
        let shop = try Shop()
        let body = Array(repeating: UInt8(1), count: 400 * 1024)
        let original = Message(
            exchange: "skald.commands", routingKey: "stock", properties: MessageProperties(messageID: "m", type: "t"),
            body: body)
        let letter = DeadLetter.message(for: original, reason: Refusal(code: .badCommand, message: "why"))
        try shop.process(shop.delivery(.deadLetters, letter))
        let stored = try #require(try shop.deadLetters().first)
        #expect(stored.reason == "BAD_COMMAND")
        #expect(stored.exchange == "skald.commands")
        #expect(stored.routingKey == "stock")
        #expect(stored.body == body)
    }
}
