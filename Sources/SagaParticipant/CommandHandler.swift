import GRDB
import SagaBus
import SagaCore

/// How a participant executes one type of command.
///
/// Most handlers have all their effects in the participant's own database: ``action(_:_:)`` and
/// ``compensation(_:_:)``. Effect and barrier row then commit in one transaction. A handler with an effect elsewhere,
/// such as a card gateway, has three phases instead: ``action(_:_:)`` with an ``OutsideWork``.
public struct CommandHandler: Sendable {
    /// Runs in the open transaction. A `Refusal` it throws is answered `failed`, any other error `retry`; an error of
    /// the database file stops the batch.
    public typealias Transaction = @Sendable (Database, CommandContext) throws -> HandlerResult

    enum Work: Sendable {
        case transactional(Transaction)
        case outside(OutsideWork)
    }

    public let type: String
    /// Whether the command comes as a step's action or as a compensation.
    public let kind: CommandID.Kind
    let work: Work

    func asking(
        _ ask: @escaping @Sendable (CommandContext) throws -> Void,
        then: @escaping @Sendable (Database, CommandContext, HandlerEnd) throws -> HandlerResult
    ) -> CommandHandler {
        let asked: Work =
            switch work {
            case .transactional(let handle):
                .transactional { db, context in
                    try ask(context)
                    let result = try handle(db, context)
                    return try then(db, context, HandlerEnd(result: result, isOfCall: false))
                }
            case .outside(let work):
                .outside(
                    OutsideWork(
                        prepare: { db, context in
                            try ask(context)
                            return try work.prepare(db, context)
                        }, call: work.call,
                        finish: { db, context, parameters, answer in
                            let result = try work.finish(db, context, parameters, answer)
                            return try then(db, context, HandlerEnd(result: result, isOfCall: true))
                        }))
            }
        return CommandHandler(type: type, kind: kind, work: asked)
    }

    public static func action(_ type: String, _ handle: @escaping Transaction) -> CommandHandler {
        CommandHandler(type: type, kind: .action, work: .transactional(handle))
    }

    public static func compensation(_ type: String, _ handle: @escaping Transaction) -> CommandHandler {
        CommandHandler(type: type, kind: .compensation, work: .transactional(handle))
    }

    public static func action(_ type: String, _ work: OutsideWork) -> CommandHandler {
        CommandHandler(type: type, kind: .action, work: .outside(work))
    }

    public static func compensation(_ type: String, _ work: OutsideWork) -> CommandHandler {
        CommandHandler(type: type, kind: .compensation, work: .outside(work))
    }
}

/// What a handler has come to, as a harness sees it.
package struct HandlerEnd: Sendable {
    package let result: HandlerResult
    /// It has made a call to the outside, which stands whatever becomes of the transaction.
    package let isOfCall: Bool
}

/// The three phases of a handler with an effect outside its database.
///
/// 1. `prepare`, in a transaction, decides the parameters of the call; they commit with the idempotency key as
///    `started` before anything goes out.
/// 2. `call`, outside any transaction and on another thread, may block. It is repeated with the same key and the same
///    parameters until it gets a definite answer, also after a crash and also when a compensation is waiting for it.
/// 3. `finish`, in a transaction, writes down what the answer to these parameters means.
public struct OutsideWork: Sendable {
    public enum Preparation: Sendable {
        case call(JSONObject)
        /// No call is needed.
        case settled(HandlerResult)
    }
    public enum CallResult: Sendable, Hashable {
        /// The other side has definitely answered, yes or no.
        case definite(JSONValue)
        /// It is not known whether the call took effect.
        case unsettled(String)
    }

    let prepare: @Sendable (Database, CommandContext) throws -> Preparation
    let call: @Sendable (_ key: String, _ parameters: JSONObject) -> CallResult
    let finish:
        @Sendable (Database, CommandContext, _ parameters: JSONObject, _ answer: JSONValue) throws -> HandlerResult

    public init(
        prepare: @escaping @Sendable (Database, CommandContext) throws -> Preparation,
        call: @escaping @Sendable (_ key: String, _ parameters: JSONObject) -> CallResult,
        finish:
            @escaping @Sendable (
                Database, CommandContext, _ parameters: JSONObject, _ answer: JSONValue
            ) throws -> HandlerResult
    ) {
        self.prepare = prepare
        self.call = call
        self.finish = finish
    }
}
