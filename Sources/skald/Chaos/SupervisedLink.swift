import SagaCore

/// The connections of one process to the broker, hurt by plan.
actor SupervisedLink {
    let target: FaultTarget
    private let network: FaultyNetwork
    private let journal: ChaosJournal

    init(_ target: FaultTarget, _ network: FaultyNetwork, journal: ChaosJournal) {
        self.target = target
        self.network = network
        self.journal = journal
    }

    /// Hurts them by plan until `end` is set; leaves them whole.
    func run(_ faults: [PlannedFault], until end: Signal) async throws {
        var faults = faults[...]
        while !end.isSet, let fault = faults.first {
            if fault.at <= journal.now {
                faults.removeFirst()
                try await perform(fault)
            } else {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        network.heal(target)
    }

    private func perform(_ fault: PlannedFault) async throws {
        try await journal.enter(fault.kind, target) {
            switch fault.kind {
            case .delay:
                let milliseconds = Int64(20 + fault.detail % 400)
                network.set(.delayed(milliseconds: milliseconds), for: target)
                try await Task.sleep(for: .milliseconds(fault.lasting))
                network.set(.fine, for: target)
                return ("by \(milliseconds) ms", 0)
            case .blackhole:
                network.set(.blackhole, for: target)
                try await Task.sleep(for: .milliseconds(fault.lasting))
                network.heal(target)
                return ("", 0)
            case .halfClose:
                let isTowardsBroker = fault.detail % 2 == 0
                network.halfClose(target, towardsBroker: isTowardsBroker)
                try await Task.sleep(for: .milliseconds(fault.lasting))
                network.heal(target)
                return (isTowardsBroker ? "towards the broker" : "from the broker", 0)
            case .reset:
                network.reset(target)
                return ("", 0)
            default: preconditionFailure("\(fault.kind) is not done to connections")
            }
        }
    }
}
