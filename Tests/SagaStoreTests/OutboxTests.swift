import GRDB
import SagaCore
import Testing

@testable import SagaStore

@Suite("Outbox, dead letters, answers")
struct OutboxTests {
    private let store: SagaStore

    init() throws { store = try SagaStore() }

    private func row(_ id: Int64, properties: JSONValue = [:], body: [UInt8] = []) -> OutboxRow {
        OutboxRow(
            id: id, saga: Sample.id(1),
            command: CommandID(saga: Sample.id(1), step: "reserve", kind: .action, round: 1),
            exchange: "skald.commands", routingKey: "stock", isMandatory: true, properties: properties.encoded,
            body: body)
    }

    @Test func aRowComesBackAsItWas() throws {
        let bodies: [[UInt8]] = [[], [0], Array(0...255), Array("{\"a\":\"\\u0000\"}".utf8)]
        let rows = bodies.enumerated().map { index, body in
            row(
                Int64(index + 1), properties: ["headers": [["skald-attempt", 2], ["x", true], ["y", "é"]]], body: body)
        }
        let answer = OutboxRow(
            id: 9, saga: nil, command: nil, exchange: "", routingKey: "caller", isMandatory: false,
            properties: Array("{}".utf8),
            body: [1])
        try store.write { transaction in
            for row in rows + [answer] { try transaction.insert(row, at: Sample.now) }
        }
        #expect(try store.read { try $0.outbox() } == rows + [answer])
    }

    @Test func whateverWasCommittedCanBeReadBack() throws {
        // 100 KiB of headers that JSON writes with six characters each: more than a message may have.
        let text = String(repeating: "\u{1}", count: 100 * 1024)
        let headers: JSONValue = ["headers": [["x", .string(text)]]]
        try store.write { transaction in
            try transaction.insert(row(1, properties: headers), at: Sample.now)
            try transaction.addDeadLetter(
                at: Sample.now, reason: "R", detail: "", saga: nil, exchange: "", routingKey: "",
                properties: headers.encoded, body: [])
        }
        #expect(try store.read { try $0.outbox() }.count == 1)
        #expect(try store.read { try $0.deadLetters(includingSettled: false, limit: 5) }.count == 1)
    }

    @Test(arguments: [[], [1], [20], [1, 2, 3], [3, 1, 2, 9], Array(1...20), [5, 5, 6, 99]])
    func rowsAreRemovedByRange(_ ids: [Int64]) throws {
        try store.write { transaction in
            for id in Int64(1)...20 { try transaction.insert(row(id), at: Sample.now) }
            try transaction.removeFromOutbox(ids)
        }
        let left = try store.read { try $0.outbox() }.map(\.id)
        #expect(left == (1...20).filter { !ids.contains($0) })
        #expect(try store.read { try $0.outboxCount() } == left.count)
    }

    @Test func deadLettersArePagedAndSettledOnce() throws {
        try store.write { transaction in
            for number in 1...5 {
                try transaction.addDeadLetter(
                    at: Sample.now, reason: "REPLY_UNKNOWN", detail: "number \(number)", saga: Sample.id(number),
                    exchange: "skald.replies", routingKey: "skald.replies.0",
                    properties: Array(#"{"type":"reply"}"#.utf8),
                    body: [0, 255, UInt8(number)])
            }
            try transaction.settle(
                4, StoredDeadLetter.Settlement("discarded", at: Sample.now, author: "ann", reason: "ticket 7"))
            try transaction.settle(
                4, StoredDeadLetter.Settlement("replayed", at: Sample.now, author: nil, reason: nil))
        }
        let open = try store.read { try $0.deadLetters(includingSettled: false, limit: 2) }
        #expect(open.map(\.id) == [5, 3])
        #expect(open.first?.body == [0, 255, 5])
        #expect(open.first?.saga == Sample.id(5))
        #expect(
            try store.read { try $0.deadLetters(includingSettled: false, limit: 9, before: 3) }.map(\.id) == [2, 1])
        #expect(try store.read { try $0.deadLetters(includingSettled: true, limit: 9) }.count == 5)
        #expect(
            try store.read { try $0.deadLetter(4) }?.settlement
                == .init("discarded", at: Sample.now, author: "ann", reason: "ticket 7"))
        #expect(try store.read { try $0.deadLetter(99) } == nil)
    }

    @Test("F27: the answer to a request is kept once")
    func answers() throws {
        try store.write { try $0.keepAnswer(["message": "done"], toRequest: "r", at: Sample.now) }
        #expect(try store.read { try $0.answer(toRequest: "r") } == ["message": "done"])
        #expect(try store.read { try $0.answer(toRequest: "s") } == nil)
        #expect(throws: DatabaseError.self) {
            try store.write { try $0.keepAnswer(["message": "other"], toRequest: "r", at: Sample.now) }
        }
    }

    @Test("Rule 26: crashes over a message are counted until it is handled")
    func suspects() throws {
        for crashes in 0...3 { #expect(try store.write { try $0.suspect("f") } == crashes) }
        #expect(try store.write { try $0.suspect("g") } == 0)
        try store.write { try $0.clearSuspect("f") }
        #expect(try store.write { try $0.suspect("f") } == 0)
    }

    @Test func facts() throws {
        try store.write { try $0.setFact("open", to: "yes") }
        try store.write { try $0.setFact("open", to: "no") }
        #expect(try store.read { try $0.fact("open") } == "no")
    }
}
