import SagaBus
import SagaCore

/// What a handler says became of a command. A refusal by the business is a value here, never an error.
public enum HandlerResult: Sendable, Hashable {
    /// The effect is there.
    case succeeded(JSONObject)
    /// A definite refusal that leaves no effect; asking again would not help. What the handler wrote is rolled back.
    case failed(code: String, message: String)
    /// Not settled, ask again with the same id, if given not before so many milliseconds. What the handler wrote is
    /// rolled back. A handler that cannot tell says this, never ``failed(code:message:)``.
    case retry(afterMilliseconds: Int64?, code: String, message: String)

    public static func failed(_ refusal: Refusal) -> HandlerResult {
        let place = refusal.path.isEmpty ? "" : "\(refusal.path): "
        return .failed(code: refusal.code.rawValue, message: place + refusal.message)
    }

    public static func retry(code: String, message: String) -> HandlerResult {
        .retry(afterMilliseconds: nil, code: code, message: message)
    }

    var outcome: Outcome {
        switch self {
        case .succeeded: .succeeded
        case .failed: .failed
        case .retry: .retry
        }
    }

    /// The body of the reply, and what the barrier stores.
    var body: JSONValue {
        switch self {
        case .succeeded(let output): .object(output)
        case .failed(let code, let message), .retry(_, let code, let message):
            ["code": .string(code), "message": .string(message)]
        }
    }

    func reply(to command: CommandID, attempt: Int) -> Reply {
        var retryAfter: Int64?
        if case .retry(let after, _, _) = self { retryAfter = after }
        return Reply(
            command: command, outcome: outcome, attempt: attempt, retryAfterMilliseconds: retryAfter, body: body)
    }
}
