import OrderServices
import SagaCore

/// What the simulation has done to the order services: the reasons there are for an error or a refusal of theirs.
// One thread drives a simulation and all that belongs to it.
final class ServiceCauses: @unchecked Sendable {
    /// Errors of handlers, each good for one answer that asks to be asked again.
    private var errors: [CommandID: Int] = [:]
    private(set) var refused: Set<CommandID> = []
    /// By idempotency key.
    private var requests: [String: GatewayRequest] = [:]
    private(set) var gatewayAnswers: [String: GatewayAnswer] = [:]
    var report: (String) -> Void = { _ in }

    func hasFailed(_ command: CommandID) { errors[command, default: 0] += 1 }
    func hasRefused(_ command: CommandID) { refused.insert(command) }

    /// Whether an error explains this answer; it explains no other.
    func explainsError(_ command: CommandID) -> Bool {
        guard let count = errors[command], count > 0 else { return false }
        errors[command] = count - 1
        return true
    }

    /// Rule 18: a key is the id of its command and always means the same request, and a step's next key comes after
    /// the last one was refused.
    func isAsked(_ request: GatewayRequest, key: String) {
        if let known = requests[key] {
            if known != request { report("rule 18: the gateway's key \(key) comes with another request") }
            return
        }
        guard let command = CommandID(key) else { return report("rule 18: the gateway's key \(key) is no command's") }
        for (other, answer) in requests.keys.compactMap({ key in CommandID(key).map { ($0, gatewayAnswers[key]) } })
        where other.saga == command.saga && other.step == command.step && other.kind == command.kind {
            if case .refused? = answer { continue }
            report("rule 18: the gateway is asked for \(key) while \(other) may have been done")
        }
        requests[key] = request
    }

    func hasAnswered(_ answer: GatewayAnswer, key: String) {
        if case .unanswered = answer { return }
        gatewayAnswers[key] = answer
    }
}
