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
    private var mailbox: BusMailbox?

    /// Something has arrived that was not taken yet.
    var hasMail: Bool { mailbox?.isEmpty == false }

    init(network: Network, process: SimulatedProcess) {
        self.network = network
        self.process = process
    }

    func declare(_ topology: Topology) throws(BusError) {
        try checkReachable()
        try network.declare(topology)
        self.topology = self.topology + topology
    }

    func openPublisher(mailbox: BusMailbox) throws(BusError) -> any BusPublisher {
        try checkReachable()
        self.mailbox = mailbox
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
        consumer.declare = { [unowned self] in try? network.declare(self.topology) }
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
