import Logging
import SagaBus

/// Publishes with confirms: at most a window's worth unconfirmed, nothing while the broker blocks.
struct PublisherRole: LinkRole {
    enum Command: Sendable {
        case publish([(token: UInt64, message: Message)])
        case close
    }

    let name = "publisher"
    let core: BusCore
    let mailbox: BusMailbox
    private(set) var isClosing = false
    private var isConnected = false
    private var isBlocked = false
    private var waiting = FIFO<(token: UInt64, message: Message)>()
    private var tracker = ConfirmTracker()

    init(core: BusCore, mailbox: BusMailbox) {
        self.core = core
        self.mailbox = mailbox
    }

    var hasMoreToWrite: Bool {
        !isBlocked && !waiting.isEmpty && tracker.inFlight < core.options.confirmWindow
    }

    mutating func handle(_ commands: [Command]) {
        for command in commands {
            switch command {
            case .close:
                isClosing = true
            case .publish(let messages):
                if isConnected && !isClosing {
                    take(messages)
                } else {
                    report(messages.map { PublishResult(token: $0.token, outcome: .unknown) })
                }
            }
        }
    }

    /// Queues what the broker can take. Anything else would make it close the channel, again and again.
    private mutating func take(_ messages: [(token: UInt64, message: Message)]) {
        var refused: [PublishResult] = []
        for entry in messages {
            if let problem = problem(with: entry.message) {
                core.logger.error("a message cannot be published: \(problem)")
                refused.append(PublishResult(token: entry.token, outcome: .rejected))
            } else {
                waiting.append(entry)
            }
        }
        report(refused)
    }

    private func problem(with message: Message) -> String? {
        if !message.exchange.isEmpty && !core.hasExchange(message.exchange) {
            return "its exchange \(message.exchange) has not been declared"
        }
        return message.problem
    }

    mutating func begin(on connection: Connection, isFirst: Bool) throws(ConnectionFailure) {
        try connection.enableConfirms()
        isReady(isFirst: isFirst)
    }

    /// From now on messages are taken.
    mutating func isReady(isFirst: Bool) {
        isConnected = true
        if !isFirst { mailbox.post(.publisherReady) }
    }

    mutating func write(to connection: Connection) throws(ConnectionFailure) {
        guard hasMoreToWrite, !isClosing else { return }
        try connection.writing(several: waiting.count > 1) { () throws(ConnectionFailure) in
            while hasMoreToWrite, let next = waiting.popFirst() {
                tracker.published(next.message, token: next.token)
                try connection.publish(next.message)
            }
        }
    }

    mutating func receive(_ incoming: [Incoming]) throws(ConnectionFailure) {
        var results: [PublishResult] = []
        for item in incoming {
            switch item {
            case .confirmed(let number, let multiple): results += tracker.confirmed(number, multiple: multiple)
            case .rejected(let number, let multiple): results += tracker.rejected(number, multiple: multiple)
            case .returned(let message, let reason):
                let exchange = message.exchange.isEmpty ? "(default)" : message.exchange
                tracker.returned(
                    message,
                    reason: "No queue takes routing key \(message.routingKey) of exchange \(exchange): \(reason).")
            case .blocked(let reason):
                core.logger.warning("the broker has stopped taking publishes: \(reason)")
                isBlocked = true
                mailbox.post(.publishingBlocked(reason: reason))
            case .unblocked:
                unblock()
            case .delivered, .cancelled:
                break
            }
        }
        report(results)
    }

    private mutating func unblock() {
        guard isBlocked else { return }
        core.logger.info("the broker takes publishes again")
        isBlocked = false
        mailbox.post(.publishingUnblocked)
    }

    mutating func lost(_ error: BusError) {
        isConnected = false
        unblock()
        mailbox.post(.publisherLost(error))
        abandon()
    }

    func failed(_ error: BusError) { mailbox.post(.failed(error)) }

    mutating func end() { abandon() }

    private mutating func abandon() {
        report(tracker.abandon() + waiting.removeAll().map { PublishResult(token: $0.token, outcome: .unknown) })
    }

    private func report(_ results: [PublishResult]) {
        if !results.isEmpty { mailbox.post(.published(results)) }
    }
}
