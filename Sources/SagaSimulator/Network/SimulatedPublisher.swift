import SagaBus
import SagaCore

/// A publisher's connection: what was sent and not confirmed when it breaks may have arrived or not.
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
        process.publishingSince = network.time.milliseconds
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
        process.publishingSince = network.time.milliseconds
        tell(.publisherReady)
        if network.isBlocked { block(reason: "low on memory") }
    }

    func block(reason: String?) {
        guard isConnected else { return }
        process.publishingSince = reason == nil ? network.time.milliseconds : nil
        tell(reason.map { .publishingBlocked(reason: $0) } ?? .publishingUnblocked)
    }

    func end() {
        out.drop()
        back.drop()
    }

    func die() {
        isClosed = true
        disconnect(all: false)
    }

    private func disconnect(all: Bool) {
        guard isConnected else { return }
        isConnected = false
        process.publishingSince = nil
        epoch += 1
        back.cut()
        if all { out.flush() } else { out.cut() }
    }

    private func tell(_ event: BusEvent) { process.tell(event, in: mailbox) }
}
