import DurableSQLite
import GRDB
import SagaBus
import SagaCore

/// The participant's record that makes a command take effect once.
///
/// It also makes a compensation that comes before its action succeed without effect, and refuses the action that
/// comes after it. It works on the caller's open transaction, so that effect and record commit together:
///
///     switch try barrier.admit(command, now: now) {
///     case .answered(let result): …reply…
///     case .admitted(let actionOutput): …take effect, then barrier.record(result, of: command, now: now)…
///     case .started(let call): …repeat the call…
///     }
public struct Barrier {
    /// How long outcomes are kept, and after how long a command is refused: 30 days.
    public static let keepingMilliseconds: Int64 = Retention.shortestMilliseconds

    let database: Database

    public init(_ database: Database) {
        self.database = database
    }

    /// What is to be done about a command or a fence.
    public enum Admission: Sendable, Hashable {
        /// Nothing: this is the answer.
        case answered(HandlerResult)
        /// Take effect, then ``Barrier/record(_:of:now:)``. A compensation gets its action's stored output.
        case admitted(actionOutput: JSONObject?)
        /// A call to the outside is not settled: repeat it. Unless it is this very command's, answer `retry`.
        case started(StartedCall)
    }

    public func admit(_ command: Command, now: Timestamp) throws -> Admission {
        if PlantedBug.hasNoBarrier.isPlanted, command.id.kind != .fence { return .admitted(actionOutput: nil) }
        let facts = try facts(of: command.id)
        switch command.id.kind {
        case .action: return try admitAction(command, facts, now)
        case .compensation: return try admitCompensation(command, facts, now)
        case .fence: return try answerFence(command, facts, now)
        }
    }

    private func admitAction(_ command: Command, _ facts: Facts, _ now: Timestamp) throws -> Admission {
        if let stored = facts.answer(to: command.id) { return .answered(stored) }
        if facts.isClosed(.action), !PlantedBug.ignoresTombstone.isPlanted {
            return .answered(.fenced("the step has been closed"))
        }
        if let call = facts.started { return .started(call) }
        if let expired = try expired(command, facts, now) { return .answered(expired) }
        return .admitted(actionOutput: nil)
    }

    private func admitCompensation(_ command: Command, _ facts: Facts, _ now: Timestamp) throws -> Admission {
        if let stored = facts.answer(to: command.id) { return .answered(stored) }
        if facts.isClosed(.compensation) { return .answered(.fenced("the compensation has been closed")) }
        if let call = facts.started { return .started(call) }
        if let action = facts.success(of: .action) { return .admitted(actionOutput: action) }
        if let expired = try expired(command, facts, now) { return .answered(expired) }
        if !PlantedBug.laysNoTombstone.isPlanted { try close(.action, of: command.id, facts, now) }
        if !PlantedBug.recordsNoEmptyCompensation.isPlanted {
            try insert(.succeeded([:]), of: command, hadEffect: false, now)
        }
        return .answered(.succeeded([:]))
    }

    /// Says whether the action's effect stands, and if there is none, sees to it that there never will be.
    private func answerFence(_ command: Command, _ facts: Facts, _ now: Timestamp) throws -> Admission {
        let closesStep: Bool
        switch command.body["close"]?.string {
        case "action": closesStep = false
        case "step": closesStep = true
        default:
            return .answered(.failed(Refusal(code: .badCommand, message: "a fence closes \"action\" or \"step\"")))
        }
        if let call = facts.started { return .started(call) }
        if let expired = try expired(command, facts, now) { return .answered(expired) }
        let isCompensated = facts.success(of: .compensation) != nil
        if closesStep && !isCompensated { try close(.compensation, of: command.id, facts, now) }
        if let action = facts.success(of: .action) {
            return .answered(isCompensated ? .fenced("the action has been undone") : .succeeded(action))
        }
        if !PlantedBug.fenceClosesNothing.isPlanted { try close(.action, of: command.id, facts, now) }
        return .answered(.fenced("nothing was done, and nothing will be"))
    }

    /// Stores a final outcome; `retry` is none and leaves no row.
    public func record(_ result: HandlerResult, of command: Command, now: Timestamp) throws {
        if PlantedBug.hasNoBarrier.isPlanted { return }
        if PlantedBug.forgetsFailed.isPlanted, result.outcome == .failed { return }
        if PlantedBug.keepsRetry.isPlanted, case .retry(_, let code, let message) = result {
            return try insert(.failed(code: code, message: message), of: command, hadEffect: false, now)
        }
        try insert(result, of: command, hadEffect: result.outcome == .succeeded, now)
    }

    /// Commits to a call before it goes out.
    func start(_ command: Command, key: String, parameters: JSONObject, now: Timestamp) throws {
        try database.run(
            """
            INSERT INTO barrier (saga, step, kind, round, state, type, call_key, call_parameters, input, created_at,
                changed_at)
            VALUES (?, ?, ?, ?, 'started', ?, ?, ?, ?, ?, ?)
            """, command.id.saga.column, command.id.step, command.id.kind.rawValue, command.id.round, command.type, key,
            JSONValue.object(parameters).text, command.actionInput.text, now.milliseconds, now.milliseconds)
    }

    /// Replaces `started` by the final outcome.
    func settle(_ id: CommandID, _ result: HandlerResult, now: Timestamp) throws {
        guard result.outcome != .retry else { return }
        try database.run(
            """
            UPDATE barrier SET state = ?, result = ?, had_effect = ?, input = NULL, changed_at = ?
            WHERE saga = ? AND step = ? AND kind = ? AND round = ?
            """, result.outcome.rawValue, result.body.text, result.outcome == .succeeded, now.milliseconds,
            id.saga.column, id.step, id.kind.rawValue, id.round)
    }

    private func insert(_ result: HandlerResult, of command: Command, hadEffect: Bool, _ now: Timestamp) throws {
        guard result.outcome != .retry else { return }
        try database.run(
            """
            INSERT INTO barrier (saga, step, kind, round, state, type, result, had_effect, created_at, changed_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, command.id.saga.column, command.id.step, command.id.kind.rawValue, command.id.round,
            result.outcome.rawValue, command.type, result.body.text, hadEffect, now.milliseconds, now.milliseconds)
    }

    private func close(_ kind: CommandID.Kind, of id: CommandID, _ facts: Facts, _ now: Timestamp) throws {
        guard !facts.isClosed(kind) else { return }
        try database.run(
            """
            INSERT INTO barrier (saga, step, kind, round, state, created_at, changed_at)
            VALUES (?, ?, ?, 0, 'closed', ?, ?)
            """, id.saga.column, id.step, kind.rawValue, now.milliseconds, now.milliseconds)
    }

    /// Refuses a command whose record, had there been one, may be gone.
    private func expired(_ command: Command, _ facts: Facts, _ now: Timestamp) throws -> HandlerResult? {
        guard facts.isEmpty else { return nil }
        let horizon = try database.firstRow("SELECT time FROM barrier_horizon WHERE id = 1") { $0.int64(0) }
        let oldest = max(horizon ?? 0, now.milliseconds - Self.keepingMilliseconds)
        guard command.id.saga.timestamp.milliseconds < oldest else { return nil }
        return .failed(
            code: RefusalCode.commandExpired.rawValue,
            message: "the saga is older than 30 days, for which this participant keeps its records")
    }
}

extension HandlerResult {
    static func fenced(_ message: String) -> HandlerResult {
        .failed(code: RefusalCode.fenced.rawValue, message: message)
    }
}
