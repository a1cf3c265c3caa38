import SagaBus

/// What a check found wrong.
public struct Nonconformance: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

public func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
    if !condition { throw Nonconformance(message()) }
}

/// A mailbox and everything that came out of it, in order. Used from one dedicated thread, since it blocks.
public final class Watcher {
    public let mailbox = BusMailbox()
    private var unread: [BusEvent] = []
    /// Longer than anything a healthy bus needs; only a failing check waits for it.
    private let patience: Duration

    public init(patience: Duration = .seconds(600)) { self.patience = patience }

    /// Takes the first event that `match` makes something of, waiting for it; the others stay for later.
    public func next<Value>(_ what: String, _ match: (BusEvent) -> Value?) throws -> Value {
        let deadline = ContinuousClock.now + patience
        while true {
            for (index, event) in unread.enumerated() {
                if let value = match(event) {
                    unread.remove(at: index)
                    return value
                }
            }
            let left = deadline - ContinuousClock.now
            let new = mailbox.receive(waitingAtMost: left)
            guard left > .zero || !new.isEmpty else {
                throw Nonconformance("waited in vain for \(what); unread: \(unread)")
            }
            unread += new
        }
    }

    public func delivery() throws -> Delivery {
        try next("a delivery") { if case .delivery(let delivery) = $0 { delivery } else { nil } }
    }

    public func deliveries(_ count: Int) throws -> [Delivery] {
        var found: [Delivery] = []
        while found.count < count {
            found.append(
                try next("delivery \(found.count + 1) of \(count)") {
                    if case .delivery(let delivery) = $0 { delivery } else { nil }
                })
        }
        return found
    }

    public func consuming() throws -> Int {
        try next("consuming") { if case .consuming(_, let backlog, _) = $0 { backlog } else { nil } }
    }

    /// How many pauses a consumer that consumes again has seen.
    public func pauses() throws -> Int {
        try next("consuming") { if case .consuming(_, _, let pauses) = $0 { pauses } else { nil } }
    }

    /// The outcome of every token, once all `count` have come back.
    public func outcomes(_ count: Int) throws -> [UInt64: PublishOutcome] {
        var found: [UInt64: PublishOutcome] = [:]
        while found.count < count {
            let results = try next("publish results, \(found.count) of \(count) so far") {
                if case .published(let results) = $0 { results } else { nil }
            }
            for result in results {
                try require(found[result.token] == nil, "token \(result.token) came back twice")
                found[result.token] = result.outcome
            }
        }
        return found
    }

    /// What has come and was not asked for, without waiting.
    public func leftovers() -> [BusEvent] {
        unread += mailbox.receive(waitingAtMost: .zero)
        defer { unread = [] }
        return unread
    }
}

extension Delivery {
    public var text: String { String(decoding: message.body, as: UTF8.self) }
}

extension Message {
    public static func text(
        _ text: String, exchange: String = "", to routingKey: String, mandatory: Bool = false
    ) -> Message {
        Message(
            exchange: exchange, routingKey: routingKey, properties: MessageProperties(messageID: text),
            body: Array(text.utf8), isMandatory: mandatory)
    }
}

extension BusPublisher {
    /// Publishes texts with the tokens 1, 2, ….
    public func publish(texts: [String], exchange: String = "", to routingKey: String, mandatory: Bool = false) {
        publish(
            texts.enumerated().map {
                (UInt64($0.offset + 1), .text($0.element, exchange: exchange, to: routingKey, mandatory: mandatory))
            })
    }
}
