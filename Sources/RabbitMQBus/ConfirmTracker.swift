import SagaBus

/// The messages of one connection that the broker has not confirmed, by their delivery tag.
///
/// The broker numbers what is published on a channel from one. A message that no queue takes comes back first and is
/// acknowledged afterwards: only then is its outcome known.
struct ConfirmTracker {
    private struct Entry {
        let token: UInt64
        /// What a returned message is recognised by, since it comes back without its number.
        let mandatory: Origin?
        var returnReason: String?
        var isSettled = false
    }
    private struct Origin: Hashable {
        let exchange: String
        let routingKey: String
        let messageID: String?

        init(_ message: Message) {
            exchange = message.exchange
            routingKey = message.routingKey
            messageID = message.properties.messageID
        }
    }

    private var entries = FIFO<Entry>()
    /// The number of the first of `entries`.
    private var firstNumber: UInt64 = 1
    private(set) var inFlight = 0

    /// Notes a message at the moment it is published.
    mutating func published(_ message: Message, token: UInt64) {
        entries.append(Entry(token: token, mandatory: message.isMandatory ? Origin(message) : nil))
        inFlight += 1
    }

    /// Notes that a message came back; the oldest one like it is meant, since the broker returns in order.
    mutating func returned(_ message: Message, reason: String) {
        let origin = Origin(message)
        for offset in 0..<entries.count {
            let entry = entries[offset]
            if !entry.isSettled && entry.returnReason == nil && entry.mandatory == origin {
                entries[offset].returnReason = reason
                return
            }
        }
    }

    mutating func confirmed(_ number: UInt64, multiple: Bool) -> [PublishResult] {
        settle(number, multiple) { entry in entry.returnReason.map { .returned($0) } ?? .confirmed }
    }

    mutating func rejected(_ number: UInt64, multiple: Bool) -> [PublishResult] {
        settle(number, multiple) { _ in .rejected }
    }

    /// Ends with the connection: the outcome of everything still out is unknown.
    mutating func abandon() -> [PublishResult] {
        let results = entries.removeAll().lazy.filter { !$0.isSettled }
            .map { PublishResult(token: $0.token, outcome: .unknown) }
        firstNumber = 1
        inFlight = 0
        return Array(results)
    }

    private mutating func settle(
        _ number: UInt64, _ multiple: Bool, _ outcome: (Entry) -> PublishOutcome
    ) -> [PublishResult] {
        let end = firstNumber + UInt64(entries.count)
        // Zero with multiple means all.
        let last = number == 0 && multiple ? end - 1 : number
        guard last >= firstNumber, last < end else { return [] }
        let lastOffset = Int(last - firstNumber)
        var results: [PublishResult] = []
        for offset in (multiple ? 0 : lastOffset)...lastOffset where !entries[offset].isSettled {
            entries[offset].isSettled = true
            results.append(PublishResult(token: entries[offset].token, outcome: outcome(entries[offset])))
        }
        inFlight -= results.count
        while let first = entries.first, first.isSettled {
            _ = entries.popFirst()
            firstNumber += 1
        }
        return results
    }
}
