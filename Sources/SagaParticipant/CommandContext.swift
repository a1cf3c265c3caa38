import SagaBus
import SagaCore

/// What a handler is told about the command it executes.
public struct CommandContext: Sendable {
    public let id: CommandID
    public let type: String
    /// The action's body; for a compensation, the body its action had.
    public let input: JSONValue
    /// For a compensation, what its action returned, as this participant stored it; nil for an action.
    public let actionOutput: JSONObject?
    public let now: Timestamp

    public init(id: CommandID, type: String, input: JSONValue, actionOutput: JSONObject?, now: Timestamp) {
        self.id = id
        self.type = type
        self.input = input
        self.actionOutput = actionOutput
        self.now = now
    }
}
