import SagaBus

extension BusCheck {
    static let routing: [BusCheck] = [
        BusCheck("a direct exchange routes by the exact key") { bus, name in
            try bus.declare(
                Topology(
                    exchanges: [.init(name, .direct)], queues: [.init(name + "-a"), .init(name + "-b")],
                    bindings: [
                        .init(exchange: name, routingKey: "a", queue: name + "-a"),
                        .init(exchange: name, routingKey: "b", queue: name + "-b"),
                    ]))
            let out = Watcher()
            try bus.openPublisher(mailbox: out.mailbox).publish(texts: ["one", "two"], exchange: name, to: "a")
            _ = try out.outcomes(2)
            try require(try bus.depth(ofQueue: name + "-a") == 2, "both messages belong in queue a")
            try require(try bus.depth(ofQueue: name + "-b") == 0, "nothing belongs in queue b")
        },
        BusCheck("a topic exchange knows * and #") { bus, name in
            try bus.declare(
                Topology(
                    exchanges: [.init(name, .topic)], queues: [.init(name + "-star"), .init(name + "-hash")],
                    bindings: [
                        .init(exchange: name, routingKey: "place-order.*", queue: name + "-star"),
                        .init(exchange: name, routingKey: "#", queue: name + "-hash"),
                        .init(exchange: name, routingKey: "place-order.#", queue: name + "-hash"),
                    ]))
            let out = Watcher()
            let publisher = try bus.openPublisher(mailbox: out.mailbox)
            publisher.publish([
                (1, .text("x", exchange: name, to: "place-order.ORDER_CREATED")),
                (2, .text("y", exchange: name, to: "place-order.a.b")), (3, .text("z", exchange: name, to: "other")),
            ])
            _ = try out.outcomes(3)
            try require(try bus.depth(ofQueue: name + "-star") == 1, "* is exactly one word")
            try require(try bus.depth(ofQueue: name + "-hash") == 3, "# is any number of words, each message once")
        },
        BusCheck("a fanout exchange ignores the key") { bus, name in
            try bus.declare(
                Topology(
                    exchanges: [.init(name, .fanout)], queues: [.init(name + "-a"), .init(name + "-b")],
                    bindings: [
                        .init(exchange: name, routingKey: "", queue: name + "-a"),
                        .init(exchange: name, routingKey: "x", queue: name + "-b"),
                    ]))
            let out = Watcher()
            try bus.openPublisher(mailbox: out.mailbox).publish(texts: ["one"], exchange: name, to: "y")
            _ = try out.outcomes(1)
            try require(try bus.depth(ofQueue: name + "-a") == 1, "queue a gets a copy")
            try require(try bus.depth(ofQueue: name + "-b") == 1, "queue b gets a copy")
        },
        BusCheck("declaring twice changes nothing") { bus, name in
            try bus.declareQueue(name)
            let out = Watcher()
            try bus.openPublisher(mailbox: out.mailbox).publish(texts: ["one"], to: name)
            _ = try out.outcomes(1)
            try bus.declareQueue(name)
            try require(try bus.depth(ofQueue: name) == 1, "the message is still there")
        },
        BusCheck("an exchange that exists with another kind is a mismatch") { bus, name in
            try bus.declare(Topology(exchanges: [.init(name, .direct)]))
            try expect(.mismatch) { try bus.declare(Topology(exchanges: [.init(name, .topic)])) }
            try bus.declare(Topology(exchanges: [.init(name, .direct)]))
        },
        BusCheck("the depth of a queue that does not exist is nil") { bus, name in
            try require(try bus.depth(ofQueue: name) == nil, "there is no such queue")
        },
        BusCheck("every property arrives as it was sent") { bus, name in
            try bus.declareQueue(name)
            let sent = Message(
                exchange: "", routingKey: name,
                properties: MessageProperties(
                    contentType: "application/json", messageID: "0A/reserve-stock/action/1", correlationID: "0A",
                    type: "inventory.reserve", replyTo: "skald.replies.0", expirationMilliseconds: 600_000,
                    headers: [
                        ("skald-attempt", .int(3)), ("skald-step", .string("reserve-stock \u{1F4E6}")),
                        ("flag", .bool(true)), ("low", .int(.min)), ("skald-version", .unsupported),
                    ]), body: Array("{\"a\":\"\u{e9}\"}".utf8) + [0, 255])
            let watcher = Watcher()
            let consumer = try bus.openConsumer(name, into: watcher)
            try bus.openPublisher(mailbox: watcher.mailbox).publish([(7, sent)])
            let delivery = try watcher.delivery()
            try require(delivery.message == sent, "sent \(sent), got \(delivery.message)")
            try require(!delivery.isRedelivered, "a first delivery is none again")
            try require(delivery.consumer == ConsumerID(name), "the delivery names its consumer")
            consumer.acknowledge([delivery.tag])
        },
        BusCheck("an absent property stays absent, an empty body empty") { bus, name in
            try bus.declareQueue(name)
            let sent = Message(
                exchange: "", routingKey: name, properties: MessageProperties(contentType: nil), body: [])
            let watcher = Watcher()
            _ = try bus.openConsumer(name, into: watcher)
            try bus.openPublisher(mailbox: watcher.mailbox).publish([(1, sent)])
            let delivery = try watcher.delivery()
            try require(delivery.message == sent, "sent \(sent), got \(delivery.message)")
        },
        BusCheck("a body longer than a frame arrives whole") { bus, name in
            try bus.declareQueue(name)
            let body = (0..<(256 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let watcher = Watcher()
            _ = try bus.openConsumer(name, into: watcher)
            try bus.openPublisher(mailbox: watcher.mailbox).publish([
                (1, Message(exchange: "", routingKey: name, properties: MessageProperties(), body: body))
            ])
            try require(try watcher.delivery().message.body == body, "256 KiB must arrive unchanged")
        },
    ]
}

/// Demands that `body` throws a ``BusError`` with this code.
func expect(_ code: BusError.Code, _ body: () throws -> Void) throws {
    do {
        try body()
    } catch let error as BusError {
        return try require(error.code == code, "expected \(code), got \(error.code): \(error)")
    }
    throw Nonconformance("expected \(code), nothing was thrown")
}
