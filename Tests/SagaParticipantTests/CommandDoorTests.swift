import BadMessages
import SagaBus
import SagaCore
import Testing

@testable import SagaParticipant

/// F18: bad input in a command, a compensation or a fence.
@Suite("Bad input: a participant's command")
struct CommandDoorTests {
    /// A compensation carries an action's input and output: it may be larger and deeper.
    static let bodies: [BadMessage] =
        BadMessage.bodies + [.tooLarge(kibibytes: 513, says: "line 1 column 1")]
    static let attempts: [BadMessage] = [
        BadMessage("attempt 0", "FIELD_VALUE", at: "headers.skald-attempt", says: "counted from 1") {
            $0.setHeader("skald-attempt", .int(0))
        },
        BadMessage("an attempt beyond 32 bits", "FIELD_VALUE", at: "headers.skald-attempt") {
            $0.setHeader("skald-attempt", .int(1 << 31))
        },
        BadMessage("an attempt that is none", "FIELD_TYPE", at: "headers.skald-attempt", says: "an integer") {
            $0.setHeader("skald-attempt", .string("s3cret"))
        },
        BadMessage("an attempt of a foreign kind", "FIELD_TYPE", at: "headers.skald-attempt", says: "an integer") {
            $0.setHeader("skald-attempt", .unsupported)
        },
    ]
    static let types: [BadMessage] = BadMessage.ids("type", \.type)
    static let ids: [BadMessage] =
        BadMessage.ids("message_id", \.messageID)
        + [
            BadMessage("an id that is no command's", "ID_FORMAT", at: "message_id", says: "<saga>/<step>") {
                $0.properties.messageID = "s3cret"
            },
            BadMessage("round 0", "ID_FORMAT", at: "message_id") {
                $0.properties.messageID = $0.properties.messageID?.replacing("/1", with: "/0")
            },
            BadMessage("a kind that is none", "ID_FORMAT", at: "message_id") {
                $0.properties.messageID = "\(Story.saga)/count/s3cret/1"
            },
        ]
    static let replyAddresses: [BadMessage] = [
        BadMessage("no reply_to", "MISSING_ID", at: "reply_to", says: "is required") { $0.properties.replyTo = nil },
        BadMessage("an empty reply_to", "MISSING_ID", at: "reply_to") { $0.properties.replyTo = "" },
    ]
    static let kinds: [CommandID.Kind] = [.action, .compensation, .fence]

    private func type(of kind: CommandID.Kind) -> String {
        switch kind {
        case .action: "counter.add"
        case .compensation: "counter.remove"
        case .fence: Command.fenceType
        }
    }

    /// Executes the bad one between two good ones, and gives what is published for it.
    private func answer(to message: Message, in story: Story) throws -> Message {
        let outcome = try story.core.process(
            [
                story.delivery(story.command(.action, "counter.add", step: "before").message(), 0),
                story.delivery(message, 1),
                story.delivery(story.command(.action, "counter.add", step: "after").message(), 2),
            ], now: story.now)
        #expect(outcome.replies.map { $0.delivery?.number } == [0, 1, 2], "each is acknowledged once")
        for neighbour in [outcome.replies[0], outcome.replies[2]] {
            #expect(try Reply.decode(neighbour.message).outcome == .succeeded, "the neighbours go on")
        }
        #expect(try story.count == 2, "the bad one has no effect")
        return outcome.replies[1].message
    }

    @Test("its sender is told: failed with BAD_COMMAND and the reason", arguments: bodies + types + attempts, kinds)
    func refused(_ bad: BadMessage, _ kind: CommandID.Kind) throws {
        let story = try Story()
        var message = story.command(kind, type(of: kind)).message()
        bad.change(&message)
        let published = try answer(to: message, in: story)
        #expect(published.exchange == SkaldNames.replies && published.routingKey == "skald.replies.0")
        let reply = try Reply.decode(published)
        #expect(reply.command.kind == kind)
        #expect(reply.outcome == .failed)
        #expect(reply.body["code"] == "BAD_COMMAND")
        let text = reply.body["message"]?.string ?? ""
        #expect(text.hasPrefix(bad.path.isEmpty ? "\(bad.code): " : "\(bad.code): \(bad.path): "))
        #expect(text.contains(bad.says))
        #expect(!text.contains(BadMessage.secret))
        #expect(try story.action().outcome == .succeeded, "the barrier has kept nothing")
    }

    @Test("with nobody to tell it is a dead letter", arguments: ids + replyAddresses, kinds)
    func kept(_ bad: BadMessage, _ kind: CommandID.Kind) throws {
        let story = try Story()
        var message = story.command(kind, type(of: kind)).message()
        bad.change(&message)
        let published = try answer(to: message, in: story)
        #expect(published.exchange == SkaldNames.deadLetters)
        let letter = DeadLetter.decode(published)
        #expect(letter.reason.rawValue == bad.code)
        #expect(letter.detail.hasPrefix("\(bad.code): \(bad.path): "))
        #expect(letter.detail.contains(bad.says))
        #expect(!letter.detail.contains(BadMessage.secret))
        #expect(letter.original.body == message.body)
        #expect(letter.original.exchange == SkaldNames.commands && letter.original.routingKey == "counter")
        #expect(try story.action().outcome == .succeeded, "the barrier has kept nothing")
    }

    @Test("an unknown type, or one in the wrong role, lists those that are known", arguments: kinds)
    func unknownType(_ kind: CommandID.Kind) throws {
        let story = try Story()
        let types: [CommandID.Kind: String] = [.action: "counter.s3cret", .compensation: "counter.add"]
        let reply = try Reply.decode(
            answer(to: story.command(kind, types[kind] ?? "counter.fence").message(), in: story))
        let text = reply.body["message"]?.string ?? ""
        #expect(!text.contains(BadMessage.secret))
        guard kind != .compensation else {
            // Without an action there is nothing to undo, whatever the type (rule 17).
            return #expect(reply.outcome == .succeeded)
        }
        #expect(reply.outcome == .failed && reply.body["code"] == "BAD_COMMAND")
        #expect(
            text.contains(
                kind == .fence ? "a fence has the type skald.fence" : "counter.add, counter.call, counter.crash"))
    }

    @Test("a fence that closes neither action nor step", arguments: [nil, "s3cret", 1, ["action"]] as [JSONValue])
    func fence(_ close: JSONValue) throws {
        let story = try Story()
        let command = story.command(.fence, Command.fenceType, body: ["close": close])
        let reply = try Reply.decode(answer(to: command.message(), in: story))
        #expect(reply.outcome == .failed && reply.body["code"] == "BAD_COMMAND")
        #expect(reply.body["message"] == "a fence closes \"action\" or \"step\"")
        #expect(try story.action().outcome == .succeeded, "the barrier has kept nothing")
    }
}
