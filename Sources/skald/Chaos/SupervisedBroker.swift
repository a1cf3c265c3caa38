import SagaBus
import SagaCore

/// The broker, hurt by plan.
actor SupervisedBroker {
    private let broker: PrivateBroker
    private let journal: ChaosJournal

    /// What may be deleted: whoever needs it declares it again, and what was lost with it is asked for again.
    private static let queues =
        ["inventory", "payment", "ledger"].map { SkaldNames.commandQueue(participant: $0) } + [
            SkaldNames.replyQueue(shard: 0), SkaldNames.startQueue(shard: 0), SkaldNames.operatorQueue(shard: 0),
            SkaldNames.deadLetters,
        ]

    init(_ broker: PrivateBroker, journal: ChaosJournal) {
        self.broker = broker
        self.journal = journal
    }

    /// Hurts it by plan until `end` is set; leaves it running and taking messages.
    func run(_ faults: [PlannedFault], until end: Signal) async throws {
        var faults = faults[...]
        while !end.isSet {
            if let fault = faults.first, fault.at <= journal.now {
                faults.removeFirst()
                try await perform(fault)
            } else {
                try await revive()
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        try await revive()
    }

    private func revive() async throws {
        guard broker.hasEndedByItself else { return }
        journal.note("the broker ended by itself; log: \(broker.log)")
        try await broker.start()
    }

    private func perform(_ fault: PlannedFault) async throws {
        try await journal.enter(fault.kind, .broker) {
            switch fault.kind {
            case .killBroker:
                await broker.kill()
                try await Task.sleep(for: .milliseconds(fault.lasting))
                try await broker.start()
                return ("", 1)
            case .restartBroker:
                await broker.stop()
                try await Task.sleep(for: .milliseconds(fault.lasting))
                try await broker.start()
                return ("", 0)
            case .memoryAlarm:
                let isRaised = await broker.raiseMemoryAlarm(milliseconds: fault.lasting)
                guard isRaised else { return ("left out: rabbitmqctl failed", 0) }
                try await Task.sleep(for: .milliseconds(fault.lasting))
                return ("", 0)
            case .deleteQueue:
                let queue = fault.pick(Self.queues)
                return (await broker.delete(queue: queue) ? queue : "left out: no queue \(queue)", 0)
            default: preconditionFailure("\(fault.kind) is not done to the broker")
            }
        }
    }
}
