import SagaBus
import SagaCore
import SagaEngine

/// A consumer's connection: when it breaks, what was not settled goes back to its queue.
// One thread drives a simulation and all that belongs to it.
final class SimulatedConsumer: BusConsumer, ClosableLink, @unchecked Sendable {
    private let id: ConsumerID
    let queue: String
    private let options: ConsumerOptions
    var declare: () -> Void = {}
    private let network: Network
    private let process: SimulatedProcess
    private let mailbox: BusMailbox
    private let toBroker: Wire
    private let fromBroker: Wire
    private var inner: (any BusConsumer)?
    /// Changes whenever the tags given out become void.
    private var epoch: UInt64 = 1
    private var lastNumber: UInt64 = 0
    private var unsettled: [UInt64: DeliveryTag] = [:]
    /// What the broker has delivered on its side and not heard of.
    private var held: [DeliveryTag: QueueWatch.Letter] = [:]
    private var isConnected = true
    private var isPaused = false
    private var pauses = 0
    private var isClosed = false
    /// The queue was deleted while this was paused, which the process is told when it goes on.
    private var isGone = false

    init(
        _ id: ConsumerID, queue: String, _ options: ConsumerOptions, network: Network, process: SimulatedProcess,
        mailbox: BusMailbox
    ) {
        self.id = id
        self.queue = queue
        self.options = options
        self.network = network
        self.process = process
        self.mailbox = mailbox
        toBroker = Wire(time: network.time, luck: network.luck)
        fromBroker = Wire(time: network.time, luck: network.luck)
    }

    var owner: String { process.name }

    func open() throws(BusError) {
        inner = try network.open(self, queue: queue, options)
        network.pump()
    }

    // MARK: From the broker

    func isConsuming(backlog: Int) {
        guard isConnected, !isPaused else { return }
        fromBroker.send { [self, pauses] in
            if id == .replies { process.canHear(waiting: backlog) }
            tell(.consuming(id, backlog: backlog, pauses: pauses))
        }
    }

    func arrived(_ delivery: Delivery) {
        let letter = QueueWatch.Letter(delivery.message, in: queue)
        network.queues.delivered(letter, isRedelivered: delivery.isRedelivered)
        guard isConnected, !isPaused else { return network.queues.givenBack(letter) }
        held[delivery.tag] = letter
        lastNumber += 1
        let tag = DeliveryTag(epoch: epoch, number: lastNumber)
        unsettled[lastNumber] = delivery.tag
        let mine = Delivery(
            consumer: id, tag: tag, isRedelivered: delivery.isRedelivered, message: delivery.message)
        fromBroker.send { [self] in
            network.trace.note(process.name, "gets \(mine.message.summary)\(mine.isRedelivered ? " again" : "")")
            process.noteDelivery(mine)
            tell(.delivery(mine))
        }
    }

    // MARK: From the process

    func acknowledge(_ tags: [DeliveryTag]) {
        guard process.isAlive, !process.maybeDies("while it acknowledges") else { return }
        process.willAcknowledge(tags, of: id)
        settle(tags) { [self] in
            for tag in $1 { held[tag] = nil }
            $0?.acknowledge($1)
        }
    }

    func requeue(_ tags: [DeliveryTag]) {
        guard process.isAlive else { return }
        settle(tags) { [self] in
            for tag in $1 { giveBack(tag) }
            $0?.requeue($1)
        }
    }

    private func settle(_ tags: [DeliveryTag], _ apply: @escaping ((any BusConsumer)?, [DeliveryTag]) -> Void) {
        toBroker.send { [self] in
            let inner = tags.compactMap { $0.epoch == epoch ? unsettled.removeValue(forKey: $0.number) : nil }
            guard !inner.isEmpty else { return }
            apply(self.inner, inner)
            network.pump()
        }
    }

    func pause() {
        guard process.isAlive, !isPaused else { return }
        isPaused = true
        pauses += 1
        // What was acknowledged before it is settled before it.
        toBroker.flush()
        giveBack()
    }

    func resume() {
        guard process.isAlive, isPaused else { return }
        isPaused = false
        if isGone { tellLost() }
        isGone = false
        if isConnected { begin() }
    }

    func close() {
        guard process.isAlive else { return }
        toBroker.flush()
        shut()
        network.remove(self)
    }

    // MARK: Faults

    func lose() {
        guard isConnected else { return }
        disconnect()
        // Also of one that is paused: its connection is there all the same.
        tellLost()
    }

    private func disconnect() {
        isConnected = false
        if id == .replies { process.cannotHear() }
        toBroker.cut()
        giveBack()
    }

    private func tellLost() { tell(.consumerLost(id, BusError(.connection, "The connection is gone."))) }

    func restore() {
        guard !isConnected, !isClosed else { return }
        isConnected = true
        declare()
        if inner == nil {
            try? open()
            if isPaused { inner?.pause() }
        } else if !isPaused {
            begin()
        }
    }

    func queueIsGone() {
        if isPaused, isConnected {
            // The broker cancels nothing: there is no consumer in that queue.
            isGone = true
            disconnect()
        } else {
            lose()
        }
        inner?.close()
        inner = nil
    }

    func block(reason: String?) {}

    func end() {
        toBroker.drop()
        fromBroker.drop()
    }

    func die() {
        toBroker.cut()
        shut()
    }

    private func shut() {
        isClosed = true
        isConnected = false
        giveBack()
        inner?.close()
        inner = nil
        network.pump()
    }

    private func giveBack() {
        fromBroker.drop()
        epoch += 1
        unsettled = [:]
        for tag in held.keys { giveBack(tag) }
        inner?.pause()
        network.pump()
    }

    private func giveBack(_ tag: DeliveryTag) {
        if let letter = held.removeValue(forKey: tag) { network.queues.givenBack(letter) }
    }

    private func begin() {
        inner?.resume()
        network.pump()
    }

    private func tell(_ event: BusEvent) { process.tell(event, in: mailbox) }
}
