import SagaBus
import SagaCore

/// What a process of the simulation sees of the broker. A process that has died is no longer heard.
// One thread drives a simulation and all that belongs to it.
final class SimulatedBus: MessageBus, @unchecked Sendable {
    let network: Network
    let process: SimulatedProcess
    private var links: [any ClosableLink] = []
    /// All that has been declared, to be declared again.
    private var topology = Topology()

    init(network: Network, process: SimulatedProcess) {
        self.network = network
        self.process = process
    }

    func declare(_ topology: Topology) throws(BusError) {
        try checkReachable()
        try network.broker.declare(topology)
        self.topology = self.topology + topology
    }

    func openPublisher(mailbox: BusMailbox) throws(BusError) -> any BusPublisher {
        try checkReachable()
        let publisher = SimulatedPublisher(network: network, process: process, mailbox: mailbox)
        keep(publisher)
        if network.isBlocked { publisher.block(reason: "low on memory") }
        return publisher
    }

    func openConsumer(
        _ id: ConsumerID, queue: String, options: ConsumerOptions, mailbox: BusMailbox
    ) throws(BusError) -> any BusConsumer {
        try checkReachable()
        let consumer = SimulatedConsumer(
            id, queue: queue, options, network: network, process: process, mailbox: mailbox)
        consumer.declare = { [unowned self] in try? network.broker.declare(self.topology) }
        try consumer.open()
        keep(consumer)
        return consumer
    }

    func depth(ofQueue queue: String) throws(BusError) -> Int? { try network.broker.depth(ofQueue: queue) }

    func close() {}

    /// The process is gone: of what it had sent, some arrives.
    func die() {
        for link in links {
            network.remove(link)
            link.die()
        }
        links = []
        network.pump()
    }

    private func keep(_ link: some ClosableLink) {
        links.append(link)
        network.add(link)
    }

    private func checkReachable() throws(BusError) {
        guard process.isAlive else { throw BusError(.closed, "The process is dead.") }
        guard !network.isAway else { throw BusError(.connection, "The broker is away.") }
    }
}

protocol ClosableLink: SimulatedLink {
    func die()
}

// One thread drives a simulation and all that belongs to it.
final class SimulatedPublisher: BusPublisher, ClosableLink, @unchecked Sendable {
    private let network: Network
    private let process: SimulatedProcess
    private let mailbox: BusMailbox
    private let out: Wire
    private let back: Wire
    private var isConnected = true
    private var isClosed = false
    /// Counts the connections.
    private var epoch = 0
    /// Not confirmed yet, on this connection.
    private var outstanding: Set<UInt64> = []

    init(network: Network, process: SimulatedProcess, mailbox: BusMailbox) {
        self.network = network
        self.process = process
        self.mailbox = mailbox
        out = Wire(time: network.time, luck: network.luck)
        back = Wire(time: network.time, luck: network.luck)
    }

    var owner: String { process.name }

    func publish(_ messages: [(token: UInt64, message: Message)]) {
        for (token, message) in messages {
            guard process.isAlive, !process.maybeDies("while it publishes \(message.summary)") else { return }
            process.willPublish(token, message)
            guard isConnected else {
                tell(.published([PublishResult(token: token, outcome: .unknown)]))
                continue
            }
            network.trace.note(process.name, "sends \(message.summary)")
            outstanding.insert(token)
            out.send { [self, epoch] in
                network.arrive(message) { [self] outcome in
                    guard epoch == self.epoch, isConnected else { return }
                    back.send { [self] in
                        guard outstanding.remove(token) != nil else { return }
                        process.noteOutcome(token, outcome)
                        tell(.published([PublishResult(token: token, outcome: outcome)]))
                    }
                }
            }
        }
    }

    func close() {
        isClosed = true
        disconnect(all: true)
    }

    func lose() {
        guard isConnected else { return }
        disconnect(all: false)
        let lost = outstanding.sorted()
        outstanding = []
        tell(.publisherLost(BusError(.connection, "The connection is gone.")))
        if !lost.isEmpty { tell(.published(lost.map { PublishResult(token: $0, outcome: .unknown) })) }
    }

    func restore() {
        guard !isConnected, !isClosed else { return }
        isConnected = true
        tell(.publisherReady)
    }

    func block(reason: String?) {
        guard isConnected else { return }
        tell(reason.map { .publishingBlocked(reason: $0) } ?? .publishingUnblocked)
    }

    func die() {
        isClosed = true
        disconnect(all: false)
    }

    private func disconnect(all: Bool) {
        guard isConnected else { return }
        isConnected = false
        epoch += 1
        back.cut()
        if all { out.flush() } else { out.cut() }
    }

    private func tell(_ event: BusEvent) {
        guard process.isAlive else { return }
        mailbox.post(event)
        process.poke()
    }
}

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
    private var isConnected = true
    private var isPaused = false
    private var isClosed = false

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
        fromBroker.send { [self] in tell(.consuming(id, backlog: backlog)) }
    }

    func arrived(_ delivery: Delivery) {
        guard isConnected, !isPaused else { return }
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
        settle(tags) { $0?.acknowledge($1) }
    }

    func requeue(_ tags: [DeliveryTag]) {
        guard process.isAlive else { return }
        settle(tags) { $0?.requeue($1) }
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
        // What was acknowledged before it is settled before it.
        toBroker.flush()
        giveBack()
    }

    func resume() {
        guard process.isAlive, isPaused else { return }
        isPaused = false
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
        isConnected = false
        toBroker.cut()
        giveBack()
        if !isPaused { tell(.consumerLost(id, BusError(.connection, "The connection is gone."))) }
    }

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
        lose()
        inner?.close()
        inner = nil
    }

    func block(reason: String?) {}

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
        inner?.pause()
        network.pump()
    }

    private func begin() {
        inner?.resume()
        network.pump()
    }

    private func tell(_ event: BusEvent) {
        guard process.isAlive else { return }
        mailbox.post(event)
        process.poke()
    }
}
