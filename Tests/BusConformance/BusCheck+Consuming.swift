import SagaBus

extension BusCheck {
    static let consuming: [BusCheck] = [
        BusCheck("consuming says how much was waiting") { bus, name in
            try bus.declareQueue(name)
            let watcher = Watcher()
            try bus.openPublisher(mailbox: watcher.mailbox).publish(texts: ["a", "b", "c"], to: name)
            _ = try watcher.outcomes(3)
            let consumer = try bus.openConsumer(name, into: watcher)
            try require(try watcher.consuming() == 3, "three were waiting")
            let all = try watcher.deliveries(3)
            try require(all.map(\.text) == ["a", "b", "c"], "first in, first out")
            consumer.acknowledge(all.map(\.tag))
        },
        BusCheck("prefetch is the most that is out at once") { bus, name in
            try bus.declareQueue(name)
            let watcher = Watcher()
            let publisher = try bus.openPublisher(mailbox: watcher.mailbox)
            publisher.publish(texts: (1...10).map { "m\($0)" }, to: name)
            _ = try watcher.outcomes(10)
            let consumer = try bus.openConsumer(name, prefetch: 4, into: watcher)
            let first = try watcher.deliveries(4)
            try require(try bus.depth(ofQueue: name) == 6, "the other six stay in the queue")
            consumer.acknowledge([first[2].tag, first[0].tag])
            let more = try watcher.deliveries(2)
            try require(more.map(\.text) == ["m5", "m6"], "two settled, two more: \(more.map(\.text))")
            consumer.acknowledge([first[1].tag, first[3].tag] + more.map(\.tag))
            let rest = try watcher.deliveries(4)
            try require(rest.map(\.text) == ["m7", "m8", "m9", "m10"], "the rest in order")
            consumer.acknowledge(rest.map(\.tag))
        },
        BusCheck("what is acknowledged is gone, what is not comes again marked") { bus, name in
            try bus.declareQueue(name)
            let watcher = Watcher()
            try bus.openPublisher(mailbox: watcher.mailbox).publish(texts: ["a", "b", "c", "d"], to: name)
            _ = try watcher.outcomes(4)
            let first = try bus.openConsumer(name, into: watcher)
            let held = try watcher.deliveries(4)
            first.acknowledge([held[1].tag, held[3].tag])
            first.close()
            let again = Watcher()
            let second = try bus.openConsumer(name, into: again)
            let back = try again.deliveries(2)
            try require(back.map(\.text) == ["a", "c"], "the unsettled two, in order: \(back.map(\.text))")
            try require(back.allSatisfy(\.isRedelivered), "marked as redelivered")
            second.acknowledge(back.map(\.tag))
            second.close()
            try require(try bus.depth(ofQueue: name) == 0, "all settled")
        },
        BusCheck("requeue gives back; it comes again, marked, and nothing else does") { bus, name in
            try bus.declareQueue(name)
            let watcher = Watcher()
            try bus.openPublisher(mailbox: watcher.mailbox).publish(texts: ["a", "b", "c", "d"], to: name)
            _ = try watcher.outcomes(4)
            let consumer = try bus.openConsumer(name, prefetch: 2, into: watcher)
            let held = try watcher.deliveries(2)
            consumer.requeue([held[0].tag])
            consumer.acknowledge([held[1].tag])
            var marked: [String: Bool] = [:]
            while marked.count < 3 {
                let delivery = try watcher.delivery()
                try require(marked[delivery.text] == nil, "\(delivery.text) came more than once more")
                marked[delivery.text] = delivery.isRedelivered
                consumer.acknowledge([delivery.tag])
            }
            try require(marked == ["a": true, "c": false, "d": false], "what came again: \(marked)")
        },
        BusCheck("requeue gives back to the old place", isForClassicQueuesOnly: true) { bus, name in
            try bus.declareQueue(name)
            let watcher = Watcher()
            try bus.openPublisher(mailbox: watcher.mailbox).publish(texts: ["a", "b", "c", "d"], to: name)
            _ = try watcher.outcomes(4)
            let consumer = try bus.openConsumer(name, prefetch: 2, into: watcher)
            let held = try watcher.deliveries(2)
            consumer.requeue([held[0].tag])
            let again = try watcher.delivery()
            try require(again.text == "a" && again.isRedelivered, "a again, got \(again.text)")
            consumer.acknowledge([again.tag, held[1].tag])
            try require(try watcher.deliveries(2).map(\.text) == ["c", "d"], "then the rest")
        },
        BusCheck("settling a tag twice, or one that is void, does nothing") { bus, name in
            try bus.declareQueue(name)
            let watcher = Watcher()
            let publisher = try bus.openPublisher(mailbox: watcher.mailbox)
            publisher.publish(texts: ["a", "b"], to: name)
            _ = try watcher.outcomes(2)
            let consumer = try bus.openConsumer(name, prefetch: 1, into: watcher)
            let a = try watcher.delivery()
            consumer.acknowledge([a.tag, a.tag])
            consumer.acknowledge([a.tag])
            consumer.requeue([a.tag])
            consumer.acknowledge([DeliveryTag(epoch: a.tag.epoch + 7, number: a.tag.number + 1)])
            let b = try watcher.delivery()
            try require(b.text == "b", "b follows")
            consumer.acknowledge([b.tag, DeliveryTag(epoch: b.tag.epoch, number: 999_999)])
            publisher.publish([(3, .text("c", to: name))])
            let c = try watcher.delivery()
            try require(c.text == "c" && !c.isRedelivered, "the consumer lives on")
            consumer.acknowledge([c.tag])
        },
        BusCheck("pause gives everything back, resume brings it again") { bus, name in
            try bus.declareQueue(name)
            let watcher = Watcher()
            let publisher = try bus.openPublisher(mailbox: watcher.mailbox)
            publisher.publish(texts: ["a", "b", "c"], to: name)
            _ = try watcher.outcomes(3)
            let consumer = try bus.openConsumer(name, prefetch: 2, into: watcher)
            try require(try watcher.consuming() == 3, "three were waiting")
            let held = try watcher.deliveries(2)
            consumer.pause()
            consumer.pause()
            try eventually("all three are back in the queue") { try bus.depth(ofQueue: name) == 3 }
            consumer.acknowledge(held.map(\.tag))
            publisher.publish([(4, .text("d", to: name))])
            _ = try watcher.outcomes(1)
            try require(
                try bus.depth(ofQueue: name) == 4, "void tags settle nothing; nothing is delivered while paused")
            consumer.resume()
            consumer.resume()
            try require(try watcher.consuming() == 4, "four were waiting")
            var marked: [String: Bool] = [:]
            while marked.count < 4 {
                let delivery = try watcher.delivery()
                marked[delivery.text] = delivery.isRedelivered
                consumer.acknowledge([delivery.tag])
            }
            try require(marked == ["a": true, "b": true, "c": false, "d": false], "all come again: \(marked)")
        },
        BusCheck("a pause gives everything back and is counted, however short it is") { bus, name in
            try bus.declareQueue(name)
            let watcher = Watcher()
            try bus.openPublisher(mailbox: watcher.mailbox).publish(texts: ["a"], to: name)
            _ = try watcher.outcomes(1)
            let consumer = try bus.openConsumer(name, prefetch: 2, into: watcher)
            try require(try watcher.pauses() == 0, "it has not been paused")
            let before = try watcher.delivery()
            for pauses in 1...50 {
                consumer.pause()
                consumer.pause()
                consumer.resume()
                while try watcher.pauses() < pauses {}
            }
            consumer.acknowledge([before.tag])
            let again = try watcher.delivery()
            try require(again.text == "a" && again.isRedelivered, "it comes again")
        },
        BusCheck("two consumers of one queue share it") { bus, name in
            try bus.declareQueue(name)
            let (left, right, out) = (Watcher(), Watcher(), Watcher())
            _ = try bus.openConsumer(name, prefetch: 1, into: left)
            _ = try bus.openConsumer(name, prefetch: 1, into: right)
            try bus.openPublisher(mailbox: out.mailbox).publish(texts: ["a", "b"], to: name)
            let texts = try [left.delivery().text, right.delivery().text]
            try require(texts.sorted() == ["a", "b"], "one each: \(texts)")
        },
        BusCheck("an exclusive consumer is alone, until it closes") { bus, name in
            try bus.declareQueue(name)
            let (first, second) = (Watcher(), Watcher())
            let consumer = try bus.openConsumer(name, exclusive: true, into: first)
            _ = try first.consuming()
            try expect(.accessRefused) { _ = try bus.openConsumer(name, exclusive: true, into: second) }
            consumer.close()
            _ = try bus.openConsumer(name, exclusive: true, into: second)
            _ = try second.consuming()
        },
        BusCheck("where someone consumes, no one gets to be exclusive") { bus, name in
            try bus.declareQueue(name)
            let first = Watcher()
            _ = try bus.openConsumer(name, into: first)
            _ = try first.consuming()
            try expect(.accessRefused) { _ = try bus.openConsumer(name, exclusive: true, into: Watcher()) }
        },
        BusCheck("where someone is exclusive, no one else consumes at all", isForClassicQueuesOnly: true) { bus, name in
            try bus.declareQueue(name)
            let first = Watcher()
            _ = try bus.openConsumer(name, exclusive: true, into: first)
            _ = try first.consuming()
            try expect(.accessRefused) { _ = try bus.openConsumer(name, into: Watcher()) }
        },
        BusCheck("consuming a queue that does not exist is refused") { bus, name in
            try expect(.notFound) { _ = try bus.openConsumer(name, into: Watcher()) }
        },
        BusCheck("a temporary queue takes answers and goes with its consumer") { bus, name in
            try bus.declare(Topology(queues: [.init(name, isTemporary: true)]))
            let watcher = Watcher()
            let consumer = try bus.openConsumer(name, into: watcher)
            _ = try watcher.consuming()
            let publisher = try bus.openPublisher(mailbox: watcher.mailbox)
            publisher.publish(texts: ["answer"], to: name, mandatory: true)
            try require(try watcher.outcomes(1)[1] == .confirmed, "the answer has a queue")
            let delivery = try watcher.delivery()
            try require(delivery.text == "answer", "the answer arrives")
            consumer.acknowledge([delivery.tag])
            consumer.close()
            try eventually("the queue is gone") {
                publisher.publish(texts: ["late"], to: name, mandatory: true)
                return try watcher.outcomes(1)[1] != .confirmed
            }
        },
        BusCheck("closing the bus gives back what is unsettled") { bus, name in
            try bus.declareQueue(name)
            let watcher = Watcher()
            let publisher = try bus.openPublisher(mailbox: watcher.mailbox)
            let consumer = try bus.openConsumer(name, into: watcher)
            publisher.publish(texts: ["a"], to: name)
            let delivery = try watcher.delivery()
            bus.close()
            consumer.acknowledge([delivery.tag])
            consumer.requeue([delivery.tag])
            consumer.pause()
            consumer.resume()
            consumer.close()
            try require(
                !watcher.leftovers().contains { if case .delivery = $0 { true } else { false } },
                "nothing is delivered after the bus is closed")
        },
    ]
}

/// Asks until the answer is yes; for what the broker does a moment later by itself.
func eventually(_ what: String, _ isSo: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while try !isSo() {
        try require(ContinuousClock.now < deadline, "it never became true that \(what)")
    }
}
