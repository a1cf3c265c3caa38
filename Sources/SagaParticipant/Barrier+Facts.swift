import DurableSQLite
import GRDB
import SagaBus
import SagaCore

/// A call to the outside that has been committed to and is not settled.
public struct StartedCall: Sendable, Hashable {
    /// The command it was made for.
    public let command: CommandID
    public let type: String
    /// The body of the step's action.
    public let input: JSONValue
    public let key: String
    public let parameters: JSONObject
}

extension Barrier {
    /// What the barrier holds about one step of one saga.
    struct Facts {
        struct Row {
            let kind: CommandID.Kind
            let round: Int
            let result: HandlerResult?
        }
        var rows: [Row] = []
        var started: StartedCall?

        var isEmpty: Bool { rows.isEmpty && started == nil }

        func isClosed(_ kind: CommandID.Kind) -> Bool {
            rows.contains { $0.kind == kind && $0.round == 0 }
        }

        /// The output of the round that succeeded.
        func success(of kind: CommandID.Kind) -> JSONObject? {
            for row in rows where row.kind == kind {
                if case .succeeded(let output)? = row.result { return output }
            }
            return nil
        }

        /// A success in any round answers all rounds; a failure answers its own.
        func answer(to id: CommandID) -> HandlerResult? {
            if let output = success(of: id.kind) { return .succeeded(output) }
            return rows.first { $0.kind == id.kind && $0.round == id.round }?.result
        }
    }

    func facts(of id: CommandID) throws -> Facts {
        var facts = Facts()
        let sql = """
            SELECT kind, round, state, result, type, call_key, call_parameters, input
            FROM barrier WHERE saga = ? AND step = ?
            """
        try database.eachRow(sql, id.saga.column, id.step) { row in
            guard let kind = CommandID.Kind(rawValue: row.text(0)) else { throw CorruptBarrier(id: id) }
            let round = row.int(1)
            switch row.text(2) {
            case "closed": facts.rows.append(Facts.Row(kind: kind, round: round, result: nil))
            case "succeeded":
                let output = try decodeObject(row.bytes(3), id)
                facts.rows.append(Facts.Row(kind: kind, round: round, result: .succeeded(output)))
            case "failed":
                let body = try decodeObject(row.bytes(3), id)
                let result = HandlerResult.failed(
                    code: body["code"]?.string ?? "", message: body["message"]?.string ?? "")
                facts.rows.append(Facts.Row(kind: kind, round: round, result: result))
            case "started":
                facts.started = StartedCall(
                    command: CommandID(saga: id.saga, step: id.step, kind: kind, round: round), type: row.text(4),
                    input: try decode(row.bytes(7), id), key: row.text(5),
                    parameters: try decodeObject(row.bytes(6), id))
            default: throw CorruptBarrier(id: id)
            }
        }
        return facts
    }

    private func decode(_ text: [UInt8], _ id: CommandID) throws -> JSONValue {
        guard let value = try? JSONValue.parse(text, limits: .stored) else { throw CorruptBarrier(id: id) }
        return value
    }

    private func decodeObject(_ text: [UInt8], _ id: CommandID) throws -> JSONObject {
        guard let object = try decode(text, id).object else { throw CorruptBarrier(id: id) }
        return object
    }
}

/// The barrier holds what it cannot have written.
struct CorruptBarrier: Error, CustomStringConvertible {
    let id: CommandID
    var description: String { "the barrier's rows of saga \(id.saga), step \(id.step) are corrupt" }
}

extension Command {
    /// The body of the step's action: a compensation carries it beside the output.
    var actionInput: JSONValue {
        id.kind == .compensation ? body["input"] ?? .null : body
    }
}
