import Foundation
import SagaBus
import SagaCore

/// Sends requests to a worker and collects its answers, over any bus. Used by one thread.
final class SkaldClient {
    private let bus: any MessageBus
    private let mailbox = BusMailbox()
    private let publisher: any BusPublisher
    private let consumer: any BusConsumer
    /// Where answers come: put it into a request as its `reply_to`.
    let answerQueue: String

    /// Requests out at the same time.
    private static let window = 512
    /// How long a broker that was there may be away.
    private static let patienceForBroker = Duration.seconds(60)

    init(bus: any MessageBus, shard: Int = 0) throws {
        self.bus = bus
        answerQueue = "skald.answers.\(UUID().uuidString.lowercased())"
        try bus.declare(.orchestrator(shard: shard))
        try bus.declare(Topology(queues: [Topology.Queue(answerQueue, isTemporary: true)]))
        publisher = try bus.openPublisher(mailbox: mailbox)
        consumer = try bus.openConsumer("answers", queue: answerQueue, options: ConsumerOptions(), mailbox: mailbox)
    }

    deinit {
        consumer.close()
        publisher.close()
    }

    /// What became of one request.
    enum Result {
        case answered(Answer)
        /// The broker has it, or may have it; no worker has answered in time.
        case unanswered
        case undeliverable(String)
    }

    /// Sends each message and hands over its answer as it comes.
    ///
    /// What has no answer yet is sent again when a lost connection is back: requests are applied once by their id.
    ///
    /// - Parameter patience: how long nothing may come before the rest counts as unanswered.
    func request(
        _ messages: some Sequence<Message>, patience: Duration, _ handle: (Message, Result) throws -> Void
    ) throws {
        var waiting: [String: Message] = [:]
        var tokens: [UInt64: String] = [:]
        var nextToken: UInt64 = 0
        var iterator = messages.makeIterator()
        var isExhausted = false
        var hasLostConnection = false
        let clock = ContinuousClock()
        var deadline = clock.now + patience

        func publish(_ message: Message, id: String) {
            tokens[nextToken] = id
            publisher.publish([(token: nextToken, message: message)])
            nextToken += 1
        }
        while true {
            while !isExhausted, waiting.count < Self.window {
                guard let message = iterator.next() else {
                    isExhausted = true
                    break
                }
                guard let id = message.properties.messageID else { continue }
                waiting[id] = message
                publish(message, id: id)
            }
            if waiting.isEmpty, isExhausted { return }
            let events = mailbox.receive(waitingAtMost: max(.zero, clock.now.duration(to: deadline)))
            if events.isEmpty, clock.now >= deadline {
                for message in waiting.values { try handle(message, .unanswered) }
                return
            }
            for event in events {
                switch event {
                case .delivery(let delivery):
                    consumer.acknowledge([delivery.tag])
                    guard let answer = try? Answer.decode(delivery.message),
                        let message = waiting.removeValue(forKey: answer.requestID)
                    else { continue }
                    deadline = clock.now + patience
                    try handle(message, .answered(answer))
                case .published(let results):
                    for result in results {
                        guard let id = tokens.removeValue(forKey: result.token), let reason = result.outcome.refusal,
                            let message = waiting.removeValue(forKey: id)
                        else { continue }
                        try handle(message, .undeliverable(reason))
                    }
                case .publishingBlocked(let reason):
                    throw CommandFailure(.unavailable, "the broker takes no messages for now: \(reason)")
                case .failed(let error):
                    throw CommandFailure(.unavailable, "\(error)")
                case .publisherLost, .consumerLost:
                    hasLostConnection = true
                    deadline = clock.now + max(patience, Self.patienceForBroker)
                case .publisherReady, .consuming:
                    guard hasLostConnection else { continue }
                    deadline = clock.now + patience
                    for (id, message) in waiting { publish(message, id: id) }
                case .publishingUnblocked: break
                }
            }
        }
    }
}

extension PublishOutcome {
    /// Why a message will not arrive, if that is certain.
    fileprivate var refusal: String? {
        switch self {
        case .returned(let reason): reason
        case .rejected: "the broker refused it"
        case .confirmed, .unknown: nil
        }
    }
}
