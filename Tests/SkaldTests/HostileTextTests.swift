import SagaCore
import SagaStore
import Testing

@testable import skald

/// Bad input: control characters and escape sequences in any stored text are shown escaped.
@Suite struct HostileTextTests {
    /// A colour, a CSI of one scalar, a right-to-left override, a bell, a line of its own.
    private static let hostile = "\u{1b}[31mred\u{9b}2J\u{202e}gnp\u{7}\nSaga X: completed"

    @Test func shownEscaped() throws {
        let seeded = try SeededStore()
        let id = try seeded.start(Self.hostile)
        try seeded.reply(id, "reserve-stock", .succeeded, ["reservation": .string(Self.hostile)])
        try seeded.refuse(id, "authorize", Self.hostile, Self.hostile)
        try seeded.refuse(id, "reserve-stock", Self.hostile, Self.hostile, to: .compensation)
        try seeded.ask(id, .pause, reason: Self.hostile, author: Self.hostile)
        try seeded.ask(id, .skip, reason: Self.hostile, step: Self.hostile, author: Self.hostile)
        for text in [try seeded.show(id), try seeded.list(), try seeded.history(id)] {
            #expect(text.isSafe, "\(text)")
            #expect(text.has("\\u{1b}[31mred"))
        }
        try seeded.ask(id, .abandon, reason: Self.hostile, author: Self.hostile)
        #expect(try seeded.show(id).isSafe)
        #expect(try seeded.history(id).isSafe)
    }

    @Test func jsonEscapedAndUnchanged() throws {
        let value: JSONValue = ["key": .string(Self.hostile + "\u{7f}\u{e0041} ü 漢")]
        for text in [value.text.escapedAsJSON, value.prettyText.escapedAsJSON] {
            #expect(text.split(separator: "\n").allSatisfy { String($0).escapedForTerminal == $0 })
            #expect(try JSONValue.parse(text) == value)
            #expect(text.contains("ü 漢"))
        }
    }

    @Test func deadLetters() throws {
        let seeded = try SeededStore()
        let properties: JSONValue = [
            "type": .string(Self.hostile), "headers": [[.string(Self.hostile), .string(Self.hostile)]],
        ]
        try seeded.store.write { transaction in
            for body in [Array(Self.hostile.utf8), [0xff, 0x1b, 0x00], Array("{\"a\":\"\u{9b}\"}".utf8)] {
                try transaction.addDeadLetter(
                    at: seeded.now, reason: "JSON_SYNTAX", detail: Self.hostile, saga: nil, exchange: Self.hostile,
                    routingKey: Self.hostile,
                    properties: properties.encoded, body: body)
            }
        }
        let letters = try seeded.store.read { try $0.deadLetters(includingSettled: false, limit: 10) }
        #expect(letters.count == 3)
        #expect(ShownText(DeadLetterText.list(letters, now: seeded.later, flags: "")).isSafe)
        for letter in letters {
            let records = try seeded.store.read { try DeadLetterRecord.find([letter.id], in: $0, at: seeded.later) }
            let outlook = try #require(records.first).outlook
            let text = ShownText(DeadLetterText.whole(letter, outlook, flags: "", paint: plain))
            #expect(text.isSafe, "\(text)")
            #expect(text.has("header \\u{1b}[31mred"))
        }
        #expect(
            letters.contains { letter in
                DeadLetterText.body(letter.body) == ["\\xff\\x1b\\x00"]
            })
    }
}
