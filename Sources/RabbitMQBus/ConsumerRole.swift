import SagaBus

/// Consumes one queue, keeps count of what is unsettled, and gives it back when paused.
struct ConsumerRole: LinkRole {
    enum Command: Sendable {
        case acknowledge([DeliveryTag])
        case requeue([DeliveryTag])
        case pause
        case resume
        case close
    }

    let core: BusCore
    let id: ConsumerID
    let queue: String
    let options: ConsumerOptions
    let mailbox: BusMailbox
    private(set) var isClosing = false
    private var wantsPause = false
    private var pauses = 0
    /// How many pauses there had been when it began to consume; nil while it does not.
    private var consumesSince: Int?
    /// Counts connections, so that a tag of an earlier one is recognised as void.
    private var epoch: UInt64 = 0
    private var unsettled = UnsettledDeliveries()
    private var settlements: [Settlement] = []

    init(core: BusCore, id: ConsumerID, queue: String, options: ConsumerOptions, mailbox: BusMailbox) {
        self.core = core
        self.id = id
        self.queue = queue
        self.options = options
        self.mailbox = mailbox
    }

    var name: String { "consumer \(id.name)" }
    var hasMoreToWrite: Bool { !settlements.isEmpty || mustStop || mustStart }
    /// Also for a pause that is over by now: its owner counts on having given everything back.
    private var mustStop: Bool { consumesSince.map { $0 < pauses } ?? false }
    private var mustStart: Bool { consumesSince == nil && !wantsPause }

    mutating func handle(_ commands: [Command]) {
        var acknowledged: [UInt64] = []
        for command in commands {
            if case .acknowledge(let tags) = command {
                // Gathered over commands: the more at once, the fewer instructions.
                acknowledged += numbers(of: tags)
                continue
            }
            settlements += unsettled.settle(acknowledged, .acknowledge)
            acknowledged = []
            switch command {
            case .acknowledge: break
            case .requeue(let tags):
                settlements += unsettled.settle(numbers(of: tags), .requeue)
            case .pause:
                if !wantsPause { pauses += 1 }
                wantsPause = true
            case .resume: wantsPause = false
            case .close: isClosing = true
            }
        }
        settlements += unsettled.settle(acknowledged, .acknowledge)
    }

    /// Those of this connection; the others are void.
    private func numbers(of tags: [DeliveryTag]) -> [UInt64] {
        tags.compactMap { $0.epoch == epoch ? $0.number : nil }
    }

    mutating func begin(on connection: Connection, isFirst: Bool) throws(ConnectionFailure) {
        if core.isTemporary(queue) { try connection.declareTemporaryQueue(queue, of: core.topology) }
        epoch += 1
        unsettled = UnsettledDeliveries()
        settlements = []
        consumesSince = nil
        if mustStart { try consume(on: connection) }
    }

    private mutating func consume(on connection: Connection) throws(ConnectionFailure) {
        let backlog = try connection.consume(id, queue: queue, options: options)
        consumesSince = pauses
        mailbox.post(.consuming(id, backlog: backlog, pauses: pauses))
    }

    mutating func write(to connection: Connection) throws(ConnectionFailure) {
        try settle(on: connection)
        guard !isClosing else { return }
        if mustStop { try stop(on: connection) }
        if mustStart { try consume(on: connection) }
    }

    private mutating func stop(on connection: Connection) throws(ConnectionFailure) {
        try connection.cancel(id)
        consumesSince = nil
        var late: [Incoming] = []
        try connection.receive(into: &late)
        for case .delivered(let number, _, _) in late { unsettled.delivered(number) }
        settlements = unsettled.requeueAll()
        try settle(on: connection)
    }

    private mutating func settle(on connection: Connection) throws(ConnectionFailure) {
        guard !settlements.isEmpty else { return }
        let batch = settlements
        settlements = []
        try connection.writing(several: batch.count > 1) { () throws(ConnectionFailure) in
            for settlement in batch { try connection.settle(settlement) }
        }
    }

    mutating func receive(_ incoming: [Incoming]) throws(ConnectionFailure) {
        var events: [BusEvent] = []
        events.reserveCapacity(incoming.count)
        defer { mailbox.post(events) }
        for item in incoming {
            switch item {
            case .delivered(let number, let isRedelivered, let message):
                unsettled.delivered(number)
                events.append(
                    .delivery(
                        Delivery(
                            consumer: id, tag: DeliveryTag(epoch: epoch, number: number), isRedelivered: isRedelivered,
                            message: message)))
            case .cancelled:
                throw ConnectionFailure(.notFound, "The broker has cancelled the consumer: queue \(queue) is gone.")
            case .returned, .confirmed, .rejected, .blocked, .unblocked:
                break
            }
        }
    }

    mutating func lost(_ error: BusError) {
        consumesSince = nil
        // Tags of that connection are void from now on.
        epoch += 1
        unsettled = UnsettledDeliveries()
        settlements = []
        mailbox.post(.consumerLost(id, error))
    }

    func failed(_ error: BusError) { mailbox.post(.failed(error)) }

    func end() {}
}
