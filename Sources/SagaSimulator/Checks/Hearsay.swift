import SagaBus
import SagaCore
import SagaEngine

/// What the worker has been told: each reply and each request that was ever delivered to it.
struct Hearsay {
    /// A command in all its rounds.
    private struct Place: Hashable {
        let saga: SagaID
        let step: String
        let kind: CommandID.Kind
    }

    private var replies: [Place: [Reply]] = [:]
    private var starts: [String: Message] = [:]

    /// - Returns: the reply, if it is one.
    @discardableResult
    mutating func note(_ delivery: Delivery) -> Reply? {
        switch delivery.consumer {
        case .replies:
            guard let reply = try? Reply.decode(delivery.message) else { return nil }
            let place = Place(saga: reply.command.saga, step: reply.command.step, kind: reply.command.kind)
            if replies[place]?.contains(reply) != true { replies[place, default: []].append(reply) }
            return reply
        case .starts: starts[delivery.message.properties.messageID ?? ""] = delivery.message
        default: break
        }
        return nil
    }

    func start(_ requestID: String) -> StartRequest? {
        starts[requestID].flatMap { try? StartRequest.decode($0) }
    }

    func replies(to saga: SagaID, _ step: String, _ kind: CommandID.Kind) -> [Reply] {
        replies[Place(saga: saga, step: step, kind: kind)] ?? []
    }
}

extension Reply {
    /// A fence's answer that the step is closed and has no effect.
    var isFenced: Bool { outcome == .failed && body["code"]?.string == RefusalCode.fenced.rawValue }
}
