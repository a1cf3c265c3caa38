import SagaBus
import SagaCore
import SagaStore

extension StoredDeadLetter {
    /// The message as it is sent again.
    package var message: Message {
        Message(
            exchange: exchange, routingKey: routingKey, properties: MessageProperties(json: properties), body: body,
            isMandatory: true)
    }

    /// Why it is not sent again; nil if an operator may have that done.
    package var replayRefusal: Refusal? {
        if let settledRefusal { return settledRefusal }
        if reason == RefusalCode.commandExpired.rawValue {
            return refusal(.notAllowed, "an expired command cannot be replayed")
        }
        guard Self.replayableExchanges.contains(exchange) else {
            return refusal(.notAllowed, "nobody knows where it was going: discard it")
        }
        // Another library may have sent it. It would stay in the outbox for ever.
        if let problem = message.problem {
            return refusal(.notAllowed, "\(problem), which AMQP cannot carry: discard it")
        }
        return nil
    }

    /// Why it is neither replayed nor discarded.
    var settledRefusal: Refusal? {
        settlement.map { refusal(.conflict, "it has been \($0.outcome) already") }
    }

    private func refusal(_ code: RefusalCode, _ message: String) -> Refusal {
        Refusal(code: code, path: "deadLetter", message: message)
    }

    /// A message to an exchange the broker does not have would close the connection, again and again.
    private static let replayableExchanges: Set<String> = [
        "", SkaldNames.starts, SkaldNames.commands, SkaldNames.replies, SkaldNames.operatorRequests,
    ]
}
