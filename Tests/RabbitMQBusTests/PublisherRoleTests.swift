import Logging
import SagaBus
import Testing

@testable import RabbitMQBus

@Suite("What a publisher does without a broker")
struct PublisherRoleTests {
    private let mailbox = BusMailbox()

    private func role() throws -> PublisherRole {
        let core = BusCore(
            address: try BrokerAddress("amqp://127.0.0.1/"), options: RabbitMQOptions(), logger: Logger(label: "test"))
        var role = PublisherRole(core: core, mailbox: mailbox)
        role.isReady(isFirst: true)
        return role
    }

    private func publish(_ tokens: UInt64...) -> [PublisherRole.Command] {
        let message = Message(exchange: "", routingKey: "q", properties: MessageProperties(), body: [1])
        return [.publish(tokens.map { ($0, message) })]
    }

    /// What its owner is told.
    private func told() -> [String] {
        mailbox.receive(waitingAtMost: .zero).map { event in
            switch event {
            case .publishingBlocked(let reason): "blocked: \(reason)"
            case .publishingUnblocked: "unblocked"
            case .publisherLost: "lost"
            case .publisherReady: "ready"
            case .published(let results): "\(results.map { "\($0.token) \($0.outcome)" })"
            default: "something else"
            }
        }
    }

    @Test("F14: while the broker takes nothing, nothing is written, and the owner is told")
    func blocked() throws {
        var role = try role()
        try role.receive([.blocked(reason: "memory")])
        role.handle(publish(1))
        #expect(!role.hasMoreToWrite)
        try role.receive([.unblocked])
        #expect(role.hasMoreToWrite)
        #expect(told() == ["blocked: memory", "unblocked"])
    }

    @Test("F14, F3: a block ends with its connection; what waited is unknown, and the next connection is not blocked")
    func lostWhileBlocked() throws {
        var role = try role()
        try role.receive([.blocked(reason: "memory")])
        role.handle(publish(1, 2))
        role.lost(BusError(.connection, "gone"))
        role.handle(publish(3))
        role.isReady(isFirst: false)
        role.handle(publish(4))
        #expect(role.hasMoreToWrite)
        #expect(
            told() == [
                "blocked: memory", "unblocked", "lost", #"["1 unknown", "2 unknown"]"#, #"["3 unknown"]"#, "ready",
            ])
    }
}
