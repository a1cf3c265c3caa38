import Foundation
import SagaBus
import SagaCore
import SagaEngine
import SagaStore
import SagaYAML
import Testing

/// The page WireProtocol cannot drift from the code: its examples are read from it.
struct WireExamplesTests {
    let page: [WireExample]

    init() throws { page = try WireExample.readPage() }

    @Test func thePageShowsEveryKindOfMessage() {
        #expect(
            Set(page.map(\.kind)) == ["command", "reply", "start", "answer", "operator", "event", "dead-letter"])
        let commands = page.filter { $0.kind == "command" }.compactMap { try? Command.decode($0.message).id.kind }
        #expect(Set(commands) == Set(CommandID.Kind.allCases))
        let replies = page.filter { $0.kind == "reply" }.compactMap { try? Reply.decode($0.message).outcome }
        #expect(Set(replies) == [.succeeded, .failed, .retry])
    }

    @Test func everyExampleIsDecodedAndEncodesToTheSame() throws {
        for example in page where example.kind != "event" {
            #expect(try example.encodedAgain() == example.message, "line \(example.line)")
        }
    }

    /// The orchestrator's side of an order whose capture is never answered.
    @Test func theOrchestratorSendsWhatThePageShows() throws {
        var orchestrator = try Conversation(at: "0N7F030R00000")
        let start = try #require(page.first { $0.kind == "start" }).message
        try orchestrator.receive(start, from: .starts)
        #expect(orchestrator.sent.contains(try example("answer", type: "accepted")))
        #expect(orchestrator.sent.contains(try example("event", type: "ORDER_CREATED")))

        try orchestrator.receive(try withAnotherCustomer(start, id: "start-77a1b2c3"), from: .starts)
        #expect(orchestrator.sent.contains(try example("answer", correlationID: "start-77a1b2c3")))

        try orchestrator.succeed("reserve-stock", ["reservation": "r-1"])
        #expect(orchestrator.sent.contains(try example("command", type: "payment.authorize")))
        try orchestrator.receive(
            try example("reply", correlationID: "0N7F030R00000/authorize-payment/action/1"), from: .replies)
        try orchestrator.succeed("record-order", ["entry": 1])
        try orchestrator.succeed("commit-stock", ["reservation": "r-1"])
        let fence = try example("command", type: Command.fenceType)
        try orchestrator.wait(for: fence)
        try orchestrator.receive(try example("reply", correlationID: fence.properties.messageID), from: .replies)
        try orchestrator.succeed("record-order", kind: .compensation, [:])
        try orchestrator.succeed("commit-stock", kind: .compensation, [:])
        #expect(orchestrator.sent.contains(try example("command", type: "payment.void")))
    }

    private func example(_ kind: String, type: String? = nil, correlationID: String? = nil) throws -> Message {
        let matching = page.first { example in
            let properties = example.message.properties
            return example.kind == kind && (type == nil || properties.type == type)
                && (correlationID == nil || properties.correlationID == correlationID)
        }
        return try #require(matching, "the page shows no such \(kind)").message
    }

    private func withAnotherCustomer(_ start: Message, id: String) throws -> Message {
        var other = start
        other.properties.messageID = id
        var input = try #require(try JSONValue.parse(start.body).object)
        input["customerId"] = "TOMSP"
        other.body = JSONValue.object(input).encoded
        return other
    }
}

/// A message as the page shows it, behind a comment that names its kind.
struct WireExample {
    let kind: String
    /// Where it begins in the page.
    let line: Int
    let message: Message

    static func readPage() throws -> [WireExample] {
        let path = Repository.path("Sources/SagaCore/SagaCore.docc/WireProtocol.md")
        let page = try String(contentsOfFile: path, encoding: .utf8)
        let lines = page.components(separatedBy: "\n")
        return try lines.indices.compactMap { index in
            guard lines[index].hasPrefix("<!-- wire: ") else { return nil }
            let kind = lines[index].dropFirst("<!-- wire: ".count).dropLast(" -->".count)
            try #require(lines[index + 1] == "```json", "line \(index + 2)")
            let text = lines[(index + 2)...].prefix { $0 != "```" }.joined(separator: "\n")
            let json = try JSONValue.parse(Array(text.utf8))
            return WireExample(kind: String(kind), line: index + 3, message: try message(json, line: index + 3))
        }
    }

    private static func message(_ json: JSONValue, line: Int) throws -> Message {
        func members(_ value: JSONValue?, _ known: Set<String>) throws -> JSONObject {
            let object = try #require(value?.object, "line \(line)")
            let others = object.members.map(\.key).filter { !known.contains($0) }
            #expect(others.isEmpty, "line \(line)")
            return object
        }
        let whole = try members(json, ["exchange", "routing_key", "mandatory", "properties", "body"])
        let shown = try members(
            whole["properties"],
            [
                "content_type", "delivery_mode", "type", "message_id", "correlation_id", "reply_to", "expiration",
                "headers",
            ])
        #expect(shown["delivery_mode"]?.int64 == 2, "line \(line)")
        let headers = try (shown["headers"]?.object?.members ?? []).map { member in
            let number = member.value.int64.map { HeaderValue.int($0) }
            return (name: member.key, value: try #require(number ?? member.value.string.map { .string($0) }))
        }
        let properties = MessageProperties(
            contentType: shown["content_type"]?.string, messageID: shown["message_id"]?.string,
            correlationID: shown["correlation_id"]?.string, type: shown["type"]?.string,
            replyTo: shown["reply_to"]?.string,
            expirationMilliseconds: shown["expiration"]?.string.flatMap { Int64($0) }, headers: headers)
        return Message(
            exchange: try #require(whole["exchange"]?.string), routingKey: try #require(whole["routing_key"]?.string),
            properties: properties, body: try #require(whole["body"]).encoded,
            isMandatory: whole["mandatory"]?.bool ?? false)
    }

    /// What the code makes of the message it reads here.
    func encodedAgain() throws -> Message {
        switch kind {
        case "command": return try Command.decode(message).message()
        case "reply":
            guard case .string(let trace)? = message.properties.header("traceparent") else {
                return try Reply.decode(message).message(to: message.routingKey)
            }
            return try Reply.decode(message).message(to: message.routingKey, traceparent: trace)
        case "start":
            return try StartRequest.decode(message).message(shard: try #require(Int(message.routingKey)))
        case "answer": return try Answer.decode(message).message(to: message.routingKey)
        case "operator":
            return try OperatorMessage.decode(message).message(
                shard: try #require(Int(message.routingKey)),
                expirationMilliseconds: try #require(message.properties.expirationMilliseconds))
        case "dead-letter":
            let letter = DeadLetter.decode(message)
            let parts = letter.detail.components(separatedBy: ": ")
            try #require(parts.count == 3 && parts[0] == letter.reason.rawValue)
            return DeadLetter.message(
                for: letter.original, reason: Refusal(code: letter.reason, path: parts[1], message: parts[2]))
        default: throw UnknownKind(kind: kind)
        }
    }

    struct UnknownKind: Error {
        let kind: String
    }
}

/// The orchestrator without a broker: what it is told, and all it has sent.
private struct Conversation {
    private let core: EngineCore
    private let saga: SagaID
    private var now: Timestamp
    private var random = SplitMix64(seed: 1)
    private var unconfirmed: [OutboxRowID] = []
    private var nextWake: Timestamp?
    private(set) var sent: [Message] = []

    /// - Parameter id: of the saga that a start will make; the time is the one in it.
    init(at id: String) throws {
        saga = try #require(SagaID(id))
        now = saga.timestamp
        let definition = try DefinitionFile.load(path: Repository.path("sagas/place-order.yaml")).get()
        core = try EngineCore(store: try SagaStore(), settings: EngineSettings(), definitions: [definition])
    }

    mutating func receive(_ message: Message, from consumer: ConsumerID) throws {
        var batch = EngineBatch()
        batch.deliveries = [
            Delivery(consumer: consumer, tag: DeliveryTag(epoch: 1, number: 1), isRedelivered: false, message: message)
        ]
        try process(batch)
    }

    mutating func succeed(_ step: String, kind: CommandID.Kind = .action, _ output: JSONObject) throws {
        let id = CommandID(saga: saga, step: step, kind: kind, round: 1)
        try #require(sent.contains { $0.properties.messageID == id.description }, "\(id) was not sent")
        let reply = Reply(command: id, outcome: .succeeded, attempt: 1, body: .object(output))
        try receive(reply.message(to: SkaldNames.replyQueue(shard: 0)), from: .replies)
    }

    /// Lets time pass until the message is sent.
    mutating func wait(for message: Message) throws {
        var seen = 0
        for _ in 0..<10_000 {
            if sent[seen...].contains(message) { return }
            seen = sent.count
            now = max(now, try #require(nextWake, "nothing will happen any more"))
            var batch = EngineBatch()
            batch.timersSince = Timestamp(milliseconds: 0)
            try process(batch)
        }
        Issue.record("it was not sent")
    }

    private mutating func process(_ batch: EngineBatch) throws {
        var batch = batch
        // The broker has confirmed everything: no command counts as unsent.
        batch.confirmed = unconfirmed
        let result = try core.process(batch, at: now, using: &random)
        unconfirmed = result.outgoing.map(\.id)
        sent += result.outgoing.map(\.message)
        nextWake = result.nextWake
    }
}

private enum Repository {
    /// A path from the top of the repository, made absolute.
    static func path(_ path: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(path).path
    }
}
