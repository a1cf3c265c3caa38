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
        /// The broker has it; no worker has answered in time.
        case unanswered
        case undeliverable(String)
    }

    /// Sends each message and hands over its answer as it comes.
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
        let clock = ContinuousClock()
        var deadline = clock.now + patience
        while true {
            while !isExhausted, waiting.count < Self.window {
                guard let message = iterator.next() else {
                    isExhausted = true
                    break
                }
                guard let id = message.properties.messageID else { continue }
                waiting[id] = message
                tokens[nextToken] = id
                publisher.publish([(token: nextToken, message: message)])
                nextToken += 1
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
                        guard let id = tokens.removeValue(forKey: result.token) else { continue }
                        guard case .returned(let reason) = result.outcome, let message = waiting.removeValue(forKey: id)
                        else { continue }
                        try handle(message, .undeliverable(reason))
                    }
                case .publishingBlocked(let reason):
                    throw CommandFailure(.unavailable, "the broker takes no messages for now: \(reason)")
                case .failed(let error), .publisherLost(let error):
                    throw CommandFailure(.unavailable, "\(error)")
                case .consumerLost, .consuming, .publisherReady, .publishingUnblocked: break
                }
            }
        }
    }
}
