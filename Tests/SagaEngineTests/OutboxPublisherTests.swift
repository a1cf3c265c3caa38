import SagaBus
import SagaCore
import Synchronization
import Testing

@testable import SagaEngine

@Suite("What is published of the outbox")
struct OutboxPublisherTests {
    private final class Recorder: BusPublisher {
        private let seen = Mutex<[UInt64]>([])
        var tokens: [UInt64] { seen.withLock { $0 } }
        func publish(_ messages: [(token: UInt64, message: Message)]) {
            seen.withLock { $0 += messages.map(\.token) }
        }
        func close() {}
    }

    private let recorder = Recorder()

    private func row(_ id: OutboxRowID) -> OutboxMessage {
        OutboxMessage(
            id: id, saga: nil, command: nil,
            message: Message(exchange: "e", routingKey: "k", properties: MessageProperties(), body: []))
    }

    @Test(
        "Rule 3, F16: what a newer attempt has replaced is not published again",
        arguments: [PublishOutcome.returned("no queue"), .rejected, .unknown])
    func replacedWhileItWaits(outcome: PublishOutcome) {
        var outbox = OutboxPublisher(publisher: recorder)
        outbox.publish([row(1)])
        _ = outbox.settle([PublishResult(token: 1, outcome: outcome)])
        outbox.publish([row(2)], replacing: [1])
        outbox.publishWaiting()
        #expect(recorder.tokens == [1, 2])
        #expect(outbox.count == 1)
    }

    @Test("Rule 3, F3: what becomes of a replaced row counts for nothing")
    func replacedWhileItIsOut() {
        var outbox = OutboxPublisher(publisher: recorder)
        outbox.publish([row(1)])
        outbox.publish([row(2)], replacing: [1])
        let settled = outbox.settle([
            PublishResult(token: 1, outcome: .confirmed), PublishResult(token: 2, outcome: .confirmed),
        ])
        #expect(settled.confirmed == [2])
        #expect(outbox.takeConfirmed() == [2])
    }

    @Test("F16: what no queue takes is not delivered: it waits, and is told of")
    func returned() {
        var outbox = OutboxPublisher(publisher: recorder)
        outbox.publish([row(1), row(2)])
        let settled = outbox.settle([
            PublishResult(token: 1, outcome: .returned("no queue")), PublishResult(token: 2, outcome: .confirmed),
        ])
        #expect(settled.returned.map(\.row.id) == [1])
        #expect(settled.confirmed == [2])
        #expect(outbox.takeConfirmed() == [2])
        outbox.publishWaiting()
        #expect(recorder.tokens == [1, 2, 1])
    }

    @Test("F3, F13: what is unknown when the connection goes is published again when it is back, in its order")
    func unknown() {
        var outbox = OutboxPublisher(publisher: recorder)
        outbox.publish([row(1), row(2)])
        outbox.connectionIsLost()
        let settled = outbox.settle([
            PublishResult(token: 2, outcome: .unknown), PublishResult(token: 1, outcome: .unknown),
        ])
        #expect(settled.confirmed == [])
        outbox.publish([row(3)])
        #expect(recorder.tokens == [1, 2])
        outbox.connectionIsBack()
        #expect(recorder.tokens == [1, 2, 1, 2, 3])
    }
}
