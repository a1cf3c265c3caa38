import SagaBus
import SagaCore
import Synchronization
import Testing

@testable import skald

/// What a command does when the broker goes away between its request and the answer.
struct SkaldClientTests {
    @Test("F13: what had no answer when the connection went is sent again when it is back")
    func sentAgain() throws {
        #expect(try answers(of: AnsweringBus { _ in .losesConnection }, to: 3) == [true, true, true])
    }

    @Test func answersLostWithTheirQueueAreAskedForAgain() throws {
        #expect(try answers(of: AnsweringBus { _ in .losesAnswers }, to: 3) == [true, true, true])
    }

    @Test func aRefusedMessageIsReportedAtOnce() throws {
        #expect(try answers(of: AnsweringBus { $0 == 0 ? .refuses : .works }, to: 2) == [false, true])
    }

    /// Whether each of so many requests was answered, in their order.
    private func answers(of bus: AnsweringBus, to count: Int) throws -> [Bool] {
        let client = try SkaldClient(bus: bus)
        let messages = (0..<count).map { number in
            OperatorMessage(requestID: "\(number)", verb: "pause", replyTo: client.answerQueue, body: [:])
                .message(shard: 0, expirationMilliseconds: 1000)
        }
        var answered: [String: Bool] = [:]
        try client.request(messages, patience: .seconds(20)) { message, result in
            let id = try #require(message.properties.messageID)
            #expect(answered[id] == nil)
            if case .answered = result { answered[id] = true } else { answered[id] = false }
        }
        return (0..<count).compactMap { answered["\($0)"] }
    }
}

/// Answers each request at once, except that something happens to the first time it is sent.
private struct AnsweringBus: MessageBus {
    enum Behaviour {
        case works, losesConnection, losesAnswers, refuses
    }
    let firstTime: @Sendable (_ request: Int) -> Behaviour

    func declare(_ topology: Topology) throws(BusError) {}
    func depth(ofQueue queue: String) throws(BusError) -> Int? { nil }
    func close() {}

    func openPublisher(mailbox: BusMailbox) throws(BusError) -> any BusPublisher {
        Publisher(mailbox: mailbox, firstTime: firstTime)
    }

    func openConsumer(
        _ id: ConsumerID, queue: String, options: ConsumerOptions, mailbox: BusMailbox
    ) throws(BusError) -> any BusConsumer {
        mailbox.post(.consuming(id, backlog: 0, pauses: 0))
        return Consumer()
    }

    private final class Publisher: BusPublisher {
        private let mailbox: BusMailbox
        private let firstTime: @Sendable (Int) -> Behaviour
        private let seen = Mutex<Set<String>>([])

        init(mailbox: BusMailbox, firstTime: @escaping @Sendable (Int) -> Behaviour) {
            self.mailbox = mailbox
            self.firstTime = firstTime
        }

        func publish(_ messages: [(token: UInt64, message: Message)]) {
            for (token, message) in messages {
                guard let id = message.properties.messageID, let number = Int(id) else { continue }
                let isFirst = seen.withLock { $0.insert(id).inserted }
                let error = BusError(.connection, "the broker is away")
                switch isFirst ? firstTime(number) : .works {
                case .works:
                    mailbox.post([.published([PublishResult(token: token, outcome: .confirmed)]), answer(id)])
                case .losesConnection:
                    mailbox.post([
                        .publisherLost(error), .published([PublishResult(token: token, outcome: .unknown)]),
                        .publisherReady,
                    ])
                case .losesAnswers:
                    mailbox.post([
                        .published([PublishResult(token: token, outcome: .confirmed)]),
                        .consumerLost("answers", error), .consuming("answers", backlog: 0, pauses: 0),
                    ])
                case .refuses:
                    mailbox.post(.published([PublishResult(token: token, outcome: .rejected)]))
                }
            }
        }

        private func answer(_ id: String) -> BusEvent {
            .delivery(
                Delivery(
                    consumer: "answers", tag: DeliveryTag(epoch: 1, number: 1), isRedelivered: false,
                    message: Answer(kind: .applied, requestID: id, body: [:]).message(to: "answers")))
        }

        func close() {}
    }

    private struct Consumer: BusConsumer {
        func acknowledge(_ tags: [DeliveryTag]) {}
        func requeue(_ tags: [DeliveryTag]) {}
        func pause() {}
        func resume() {}
        func close() {}
    }
}
