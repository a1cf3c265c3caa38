import GRDB
import SagaBus
import SagaCore
import Synchronization

@testable import SagaParticipant

/// One step of one saga, and a participant whose effects can be counted.
final class Story {
    static let now = SagaID.epoch.adding(milliseconds: 86_400_000 * 100)
    static let saga = SagaID(milliseconds: 86_400_000 * 100, shard: 0, sequence: 1)

    let gateway = ScriptedGateway()
    let participant: Participant
    let database: ParticipantDatabase
    private(set) var core: ParticipantCore
    var now = Story.now

    init() throws {
        participant = .counting(through: gateway)
        database = try ParticipantDatabase(inMemoryFor: participant)
        core = ParticipantCore(participant: participant, database: database)
    }

    /// What was in memory is gone; the database stays.
    func crashes() {
        core = ParticipantCore(participant: participant, database: database)
    }

    // MARK: - Commands and their replies

    func action(_ type: String = "counter.add", round: Int = 1, attempt: Int = 1) throws -> Reply {
        try send(command(.action, type, round: round, attempt: attempt))
    }

    func compensation(_ type: String = "counter.remove", round: Int = 1, attempt: Int = 1) throws -> Reply {
        try send(command(.compensation, type, round: round, attempt: attempt, body: ["input": ["by": 1]]))
    }

    func fence(closing close: JSONValue) throws -> Reply {
        try send(command(.fence, Command.fenceType, body: ["close": close]))
    }

    func command(
        _ kind: CommandID.Kind, _ type: String, round: Int = 1, attempt: Int = 1, step: String = "count",
        saga: SagaID = Story.saga, body: JSONValue = ["by": 1]
    ) -> Command {
        Command(
            id: CommandID(saga: saga, step: step, kind: kind, round: round), type: type, attempt: attempt,
            participant: participant.name, replyTo: "skald.replies.0", body: body)
    }

    /// Executes the command, makes the calls it leads to, and gives its reply.
    func send(_ command: Command) throws -> Reply {
        var outcome = try begin(command)
        let calls = outcome.calls.map { $0.perform() }
        outcome.append(try core.finish(calls, now: now))
        return try Reply.decode(outcome.replies[0].message)
    }

    /// Executes the command and leaves the calls it leads to unmade.
    func begin(_ commands: Command...) throws -> BatchOutcome {
        try core.process(commands.enumerated().map { delivery($1.message(), $0) }, now: now)
    }

    func delivery(_ message: Message, _ number: Int = 0) -> Delivery {
        Delivery(
            consumer: "counter", tag: DeliveryTag(epoch: 1, number: UInt64(number)), isRedelivered: false,
            message: message)
    }

    // MARK: - What is there

    /// Actions that took effect, less those undone.
    var count: Int {
        get throws {
            try database.queue.read { try Int.fetchOne($0, sql: "SELECT coalesce(sum(change), 0) FROM effect") ?? 0 }
        }
    }

    /// The handlers' effects, of either kind.
    var effects: Int {
        get throws { try database.queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM effect") ?? 0 } }
    }
}

/// The other side of a call: answers what the test has lined up, and notes what it was asked.
final class ScriptedGateway: Sendable {
    private struct Contents {
        var answers: [OutsideWork.CallResult] = []
        var asked: [String] = []
        var isClosed = false
        var waiting: [BusMailbox] = []
    }
    private let contents = Mutex(Contents())

    func willAnswer(_ answers: OutsideWork.CallResult...) {
        contents.withLock { $0.answers += answers }
    }

    /// Key and parameters of every call, in order.
    var asked: [String] { contents.withLock { $0.asked } }

    func call(_ key: String, _ parameters: JSONObject) -> OutsideWork.CallResult {
        let answer = contents.withLock { contents in
            contents.asked.append("\(key) \(JSONValue.object(parameters).text)")
            return contents.answers.isEmpty ? .definite("yes") : contents.answers.removeFirst()
        }
        wakeWaiting()
        wait { !$0.isClosed }
        return answer
    }

    /// Calls block until it opens again.
    func close() { contents.withLock { $0.isClosed = true } }

    func open() {
        contents.withLock { $0.isClosed = false }
        wakeWaiting()
    }

    func waitForCalls(_ count: Int) { wait { $0.asked.count >= count } }

    private func wait(until condition: (Contents) -> Bool) {
        let mailbox = BusMailbox()
        contents.withLock { $0.waiting.append(mailbox) }
        while !contents.withLock({ condition($0) }) { _ = mailbox.receive(waitingAtMost: nil) }
        contents.withLock { $0.waiting.removeAll { $0 === mailbox } }
    }

    private func wakeWaiting() {
        for mailbox in contents.withLock({ $0.waiting }) { mailbox.wake() }
    }
}

extension Participant {
    /// Adds and removes rows; `call` and `undo-call` do it after asking the gateway.
    static func counting(through gateway: ScriptedGateway) -> Participant {
        struct Bug: Error {}
        let change: @Sendable (Database, Int, CommandContext) throws -> HandlerResult = { db, change, context in
            try db.execute(sql: "INSERT INTO effect (change) VALUES (?)", arguments: [change])
            let row = JSONValue.number(JSONNumber(db.lastInsertedRowID))
            return .succeeded(["row": row, "undoes": context.actionOutput?["row"] ?? nil])
        }
        func outside(_ by: Int) -> OutsideWork {
            OutsideWork { _, context in
                .call(["by": context.input["by"] ?? .null])
            } call: { key, parameters in
                gateway.call(key, parameters)
            } finish: { db, context, _, answer in
                guard answer == "yes" else { return .failed(code: "DECLINED", message: "the gateway says no") }
                return try change(db, by, context)
            }
        }
        return Participant(
            name: "counter",
            migrations: [
                Migration("effects") { db in
                    try db.execute(
                        sql: "CREATE TABLE effect (id INTEGER PRIMARY KEY, change INTEGER NOT NULL CHECK (change <> 7))"
                    )
                }
            ],
            handlers: [
                .action("counter.add") { db, context in try change(db, 1, context) },
                .compensation("counter.remove") { db, context in try change(db, -1, context) },
                .action("counter.refuse") { db, context in
                    _ = try change(db, 1, context)
                    return .failed(code: "NO", message: "no")
                },
                .action("counter.later") { db, context in
                    _ = try change(db, 1, context)
                    return .retry(afterMilliseconds: 700, code: "LATER", message: "later")
                },
                .action("counter.crash") { db, context in
                    _ = try change(db, 1, context)
                    throw Bug()
                },
                .action("counter.violate") { db, context in try change(db, 7, context) },
                .compensation("counter.refuse-removal") { _, _ in .failed(code: "NO", message: "no") },
                .action("counter.call", outside(1)),
                .compensation("counter.undo-call", outside(-1)),
            ])
    }
}
