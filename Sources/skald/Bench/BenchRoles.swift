import RabbitMQBus
import ArgumentParser
import Glibc
import SagaBus
import SagaCore

/// The broker's ceiling: moves each saga on as a worker does, and remembers, checks and decides nothing.
struct BenchRelay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay", abstract: "The relay of skald bench.", shouldDisplay: false)
    static let starts = "bench.starts"
    static let replies = "bench.replies"

    @OptionGroup var broker: BrokerOptions
    @OptionGroup var log: LogOptions

    func run() async throws {
        let bus = try broker.bus(named: "skald bench relay", logger: log.logger("skald.bench"))
        try await runOnDedicatedThread {
            try bus.declare(Self.topology)
            let loop = try BenchLoop(bus: bus, queues: [Self.starts, Self.replies])
            loop.run { delivery in
                let properties = delivery.message.properties
                guard delivery.consumer.name == Self.replies else {
                    return Self.command(
                        1, of: properties.messageID ?? "-", body: delivery.message.body)
                }
                guard let id = properties.correlationID, let cut = id.firstIndex(of: "/") else { return nil }
                let key = String(id[..<cut])
                switch id[id.index(after: cut)...].prefix(2) {
                case "on": return Self.command(2, of: key, body: Self.body)
                case "tw": return Self.command(3, of: key, body: Self.body)
                default: return Self.event(key)
                }
            }
        }
    }

    private static let body = BenchDefinitions.order("relay-0000000", isRefused: false)

    private static func command(_ number: Int, of key: String, body: [UInt8]) -> Message {
        let step = ["one", "two", "three"][number - 1]
        return Message(
            exchange: SkaldNames.commands, routingKey: "echo-\(number)",
            properties: MessageProperties(
                messageID: "\(key)/\(step)/action/1", correlationID: key, type: "echo.do", replyTo: replies,
                headers: [(WireHeader.attempt, .int(1)), (WireHeader.step, .string(step))]),
            body: body, isMandatory: true)
    }

    private static func event(_ key: String) -> Message {
        let text = """
            {"specversion":"1.0","id":"\(key)/8","source":"/skald/0","type":"\(BenchDefinitions.completed)",\
            "subject":"\(key)","time":"2026-01-01T00:00:00.000Z","datacontenttype":"application/json",\
            "data":{"saga":"\(key)","definition":"bench-bare","version":1,"status":"completed"}}
            """
        return Message(
            exchange: SkaldNames.events, routingKey: "\(BenchDefinitions.bare).\(BenchDefinitions.completed)",
            properties: MessageProperties(
                contentType: "application/cloudevents+json", messageID: "\(key)/8", correlationID: key,
                type: BenchDefinitions.completed),
            body: Array(text.utf8))
    }

    static var topology: Topology {
        var all = Topology(
            exchanges: [
                .init(SkaldNames.starts, .direct), .init(SkaldNames.replies, .direct), .init(SkaldNames.events, .topic),
            ],
            queues: [.init(starts), .init(replies)],
            bindings: [
                .init(exchange: SkaldNames.starts, routingKey: starts, queue: starts),
                .init(exchange: SkaldNames.replies, routingKey: replies, queue: replies),
            ])
        for number in 1...3 { all = all + .participant("echo-\(number)") }
        return all
    }
}

/// A participant that answers every command with success, at once, without a database.
struct BenchEcho: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo", abstract: "A participant of skald bench.", shouldDisplay: false)

    @Argument var name: String
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var log: LogOptions

    func run() async throws {
        let bus = try broker.bus(named: "skald bench \(name)", logger: log.logger("skald.bench"))
        try await runOnDedicatedThread { [name] in
            try bus.declare(.participant(name))
            let loop = try BenchLoop(bus: bus, queues: [SkaldNames.commandQueue(participant: name)])
            let body = Array(#"{"done":true}"#.utf8)
            loop.run { delivery in
                let command = delivery.message.properties
                guard let replyTo = command.replyTo, let id = command.messageID else { return nil }
                return Message(
                    exchange: SkaldNames.replies, routingKey: replyTo,
                    properties: MessageProperties(
                        correlationID: id, type: Reply.type,
                        headers: [
                            (WireHeader.outcome, .string(Outcome.succeeded.rawValue)),
                            (WireHeader.attempt, command.header(WireHeader.attempt) ?? .int(1)),
                        ]),
                    body: body)
            }
        }
    }
}

/// Turns each delivery into one message, and acknowledges it once that is confirmed.
private final class BenchLoop {
    private let mailbox = BusMailbox()
    private let publisher: any BusPublisher
    private var consumers: [ConsumerID: any BusConsumer] = [:]
    private var deliveries: [UInt64: (ConsumerID, DeliveryTag)] = [:]
    private var nextToken: UInt64 = 1

    init(bus: any MessageBus, queues: [String]) throws {
        publisher = try bus.openPublisher(mailbox: mailbox)
        for queue in queues {
            let id = ConsumerID(queue)
            consumers[id] = try bus.openConsumer(
                id, queue: queue, options: ConsumerOptions(prefetch: 512), mailbox: mailbox)
        }
    }

    /// Until the process is ended.
    func run(_ answer: (Delivery) -> Message?) {
        while true {
            var outgoing: [(token: UInt64, message: Message)] = []
            var settled: [ConsumerID: [DeliveryTag]] = [:]
            for event in mailbox.receive(waitingAtMost: nil) {
                switch event {
                case .delivery(let delivery):
                    guard let message = answer(delivery) else {
                        settled[delivery.consumer, default: []].append(delivery.tag)
                        continue
                    }
                    deliveries[nextToken] = (delivery.consumer, delivery.tag)
                    outgoing.append((nextToken, message))
                    nextToken += 1
                case .published(let results):
                    for result in results {
                        guard let (consumer, tag) = deliveries.removeValue(forKey: result.token) else { continue }
                        if result.outcome == .confirmed { settled[consumer, default: []].append(tag) }
                    }
                case .failed, .consumerLost, .publisherLost: exit(1)
                default: break
                }
            }
            if !outgoing.isEmpty { publisher.publish(outgoing) }
            for (id, tags) in settled { consumers[id]?.acknowledge(tags) }
        }
    }
}
