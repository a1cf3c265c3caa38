import SagaCore
import SagaStore

/// A participant that does not answer and whose commands are held back, as a person is told of it.
struct SilentParticipant {
    let breaker: StoredBreaker
    /// Commands to it in the outbox.
    let waiting: Int

    static func all(in view: StoreView) throws -> [SilentParticipant] {
        try view.breakers().map {
            SilentParticipant(breaker: $0, waiting: try view.unpublishedCommands(to: $0.participant))
        }
    }

    func line(now: Timestamp) -> String {
        let commands = waiting == 1 ? "1 command is" : "\(waiting) commands are"
        let name = breaker.participant.escapedForTerminal
        if let window = breaker.window {
            return "\(name) answers again: \(commands) still held back, up to \(window) at a time are sent"
        }
        let asked =
            switch breaker.probes {
            case 0: ""
            case 1: ", asked once since"
            default: ", asked \(breaker.probes) times since"
            }
        let next = waiting > 0 ? ", next at \(TimeText.clockAndDistance(breaker.nextProbeAt, now: now))" : ""
        return "\(name) has not answered since \(TimeText.clockAndDistance(breaker.silentSince, now: now)): "
            + "\(commands) held back\(asked)\(next)"
    }

    var json: JSONValue {
        var object: JSONObject = [
            "participant": .string(breaker.participant), "silentSince": .string(breaker.silentSince.iso8601),
            "held": .number(JSONNumber(Int64(waiting))), "probes": .number(JSONNumber(Int64(breaker.probes))),
        ]
        object["probedAt"] = breaker.probedAt.map { .string($0.iso8601) }
        object["nextProbeAt"] = .string(breaker.nextProbeAt.iso8601)
        object["window"] = breaker.window.map { .number(JSONNumber(Int64($0))) }
        return .object(object)
    }
}
