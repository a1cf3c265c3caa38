import SagaBus

extension BusCheck {
    static let publishing: [BusCheck] = [
        BusCheck("every token comes back confirmed, once") { bus, name in
            try bus.declareQueue(name)
            let out = Watcher()
            let publisher = try bus.openPublisher(mailbox: out.mailbox)
            publisher.publish(texts: (1...1000).map { "m\($0)" }, to: name)
            let outcomes = try out.outcomes(1000)
            try require(outcomes.values.allSatisfy { $0 == .confirmed }, "not all confirmed: \(outcomes)")
            try require(try bus.depth(ofQueue: name) == 1000, "all are in the queue")
        },
        BusCheck("F16: a mandatory message that no queue takes comes back; its neighbours do not") { bus, name in
            try bus.declare(
                Topology(
                    exchanges: [.init(name, .direct)], queues: [.init(name)],
                    bindings: [.init(exchange: name, routingKey: "known", queue: name)]))
            let out = Watcher()
            let publisher = try bus.openPublisher(mailbox: out.mailbox)
            publisher.publish([
                (1, .text("a", exchange: name, to: "known", mandatory: true)),
                (2, .text("b", exchange: name, to: "unknown", mandatory: true)),
                (3, .text("c", exchange: name, to: "unknown")),
                (4, .text("d", exchange: name, to: "known", mandatory: true)),
                (5, .text("e", to: name + "-none", mandatory: true)),
            ])
            let outcomes = try out.outcomes(5)
            try require([1, 3, 4].allSatisfy { outcomes[$0] == .confirmed }, "1, 3 and 4 arrive: \(outcomes)")
            for token in [2, 5] as [UInt64] {
                guard case .returned(let reason) = outcomes[token] else {
                    throw Nonconformance("\(token) must come back: \(outcomes)")
                }
                try require(
                    reason.contains(token == 2 ? "unknown" : name + "-none"), "the reason names the key: \(reason)")
            }
        },
        BusCheck("one message returned many times over is each time its own token") { bus, name in
            try bus.declare(Topology(exchanges: [.init(name, .direct)]))
            let out = Watcher()
            let publisher = try bus.openPublisher(mailbox: out.mailbox)
            publisher.publish(texts: Array(repeating: "same", count: 300), exchange: name, to: "none", mandatory: true)
            for (token, outcome) in try out.outcomes(300) {
                guard case .returned = outcome else { throw Nonconformance("\(token) was \(outcome)") }
            }
        },
        BusCheck("F18: a message that cannot be sent is rejected; its neighbours go out") { bus, name in
            try bus.declareQueue(name)
            let out = Watcher()
            let publisher = try bus.openPublisher(mailbox: out.mailbox)
            let long = String(repeating: "x", count: 256)
            publisher.publish([
                (1, .text("a", to: name)), (2, .text("b", exchange: name + "-undeclared", to: "k")),
                (3, .text(long, to: name)), (4, .text("c", to: long)),
                (
                    5,
                    Message(
                        exchange: "", routingKey: name,
                        properties: MessageProperties(headers: [("h", .string(String(repeating: long, count: 512)))]),
                        body: [])
                ), (6, .text("d", to: name)),
            ])
            let outcomes = try out.outcomes(6)
            try require([1, 6].allSatisfy { outcomes[$0] == .confirmed }, "1 and 6 arrive: \(outcomes)")
            try require([2, 3, 4, 5].allSatisfy { outcomes[$0] == .rejected }, "2 to 5 cannot be sent: \(outcomes)")
            try require(try bus.depth(ofQueue: name) == 2, "two are in the queue")
        },
        BusCheck("a closed publisher reports what it gets as unknown") { bus, name in
            try bus.declareQueue(name)
            let out = Watcher()
            let publisher = try bus.openPublisher(mailbox: out.mailbox)
            publisher.close()
            publisher.close()
            publisher.publish(texts: ["late"], to: name)
            try require(try out.outcomes(1)[1] == .unknown, "nothing is known of a message never sent")
            try require(try bus.depth(ofQueue: name) == 0, "nothing was sent")
        },
        BusCheck("closing reports everything still out, each token once") { bus, name in
            try bus.declareQueue(name)
            let out = Watcher()
            let publisher = try bus.openPublisher(mailbox: out.mailbox)
            publisher.publish(texts: (1...2000).map { "m\($0)" }, to: name)
            publisher.close()
            let outcomes = try out.outcomes(2000)
            try require(
                outcomes.values.allSatisfy { $0 == .confirmed || $0 == .unknown }, "confirmed or unknown, nothing else")
            let confirmed = outcomes.values.count { $0 == .confirmed }
            let depth = try bus.depth(ofQueue: name) ?? 0
            try require(depth >= confirmed, "\(confirmed) confirmed, \(depth) in the queue")
        },
        BusCheck("messages published by one publisher keep their order") { bus, name in
            try bus.declareQueue(name)
            let watcher = Watcher()
            let publisher = try bus.openPublisher(mailbox: watcher.mailbox)
            let consumer = try bus.openConsumer(name, prefetch: 16, into: watcher)
            let texts = (1...500).map { "m\($0)" }
            publisher.publish(texts: texts, to: name)
            for text in texts {
                let delivery = try watcher.delivery()
                try require(delivery.text == text, "expected \(text), got \(delivery.text)")
                consumer.acknowledge([delivery.tag])
            }
            let outcomes = try watcher.outcomes(500)
            try require(outcomes.values.allSatisfy { $0 == .confirmed }, "all confirmed")
        },
        BusCheck("a closed bus refuses and reports, and may be closed again") { bus, name in
            try bus.declareQueue(name)
            let out = Watcher()
            let publisher = try bus.openPublisher(mailbox: out.mailbox)
            bus.close()
            bus.close()
            publisher.publish(texts: ["late"], to: name)
            try require(try out.outcomes(1)[1] == .unknown, "never sent")
            try expect(.closed) { _ = try bus.openPublisher(mailbox: out.mailbox) }
            try expect(.closed) { _ = try bus.openConsumer(name, into: out) }
            try expect(.closed) { _ = try bus.depth(ofQueue: name) }
            try expect(.closed) { try bus.declareQueue(name) }
        },
    ]
}
