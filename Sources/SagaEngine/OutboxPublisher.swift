import SagaBus
import SagaCore

/// Publishes committed rows and keeps count of what the broker has said of each.
///
/// A row's id is its publish token, so a late result of a replaced row finds nothing.
struct OutboxPublisher {
    private let publisher: any BusPublisher
    /// Handed to the bus, result outstanding.
    private var outstanding: [OutboxRowID: OutboxMessage] = [:]
    /// Not taken (no queue, refused, connection lost); published again after a pause or when the connection is back.
    private var waiting: [OutboxRowID: OutboxMessage] = [:]
    private var isConnected = true
    /// Confirmed, to be removed in the next transaction.
    private(set) var confirmed: [OutboxRowID] = []

    init(publisher: any BusPublisher) {
        self.publisher = publisher
    }

    var count: Int { outstanding.count + waiting.count }
    var isIdle: Bool { outstanding.isEmpty }
    var isWaiting: Bool { !waiting.isEmpty && isConnected }

    /// Whether fewer than so many results are outstanding. What no queue takes does not count: it may stay for long, and
    /// the others must not wait for it.
    func hasRoom(_ window: Int) -> Bool { isConnected && outstanding.count < window }

    mutating func publish(_ rows: [OutboxMessage], replacing replaced: [OutboxRowID] = []) {
        for id in replaced {
            outstanding[id] = nil
            waiting[id] = nil
        }
        guard isConnected else {
            for row in rows { waiting[row.id] = row }
            return
        }
        guard !rows.isEmpty else { return }
        for row in rows { outstanding[row.id] = row }
        publisher.publish(rows.map { (token: UInt64($0.id), message: $0.message) })
        if PlantedBug.removesRowBeforeConfirm.isPlanted { confirmed += rows.map(\.id) }
    }

    /// Of the whole outbox, publishes what is not known here.
    mutating func publish(missingOf rows: [OutboxMessage]) {
        let known = Set(confirmed)
        publish(rows.filter { outstanding[$0.id] == nil && waiting[$0.id] == nil && !known.contains($0.id) })
    }

    struct Settled {
        var confirmed: [OutboxRowID] = []
        /// No queue took them, with the reason.
        var returned: [(row: OutboxMessage, reason: String)] = []
        /// The broker would not have them.
        var refused: [OutboxMessage] = []
    }

    /// Takes the broker's word for some rows.
    mutating func settle(_ results: [PublishResult]) -> Settled {
        var settled = Settled()
        for result in results {
            let id = OutboxRowID(result.token)
            guard let row = outstanding.removeValue(forKey: id) else { continue }
            switch result.outcome {
            case .confirmed: settled.confirmed.append(id)
            case .returned where PlantedBug.takesReturnedForDelivered.isPlanted: settled.confirmed.append(id)
            case .returned(let reason):
                waiting[id] = row
                settled.returned.append((row, reason))
            case .rejected:
                waiting[id] = row
                settled.refused.append(row)
            case .unknown: waiting[id] = row
            }
        }
        confirmed += settled.confirmed
        return settled
    }

    /// Forgets what waits here and not there: a newer attempt has replaced it, or it is held back.
    mutating func keepWaiting(of rows: Set<OutboxRowID>) { waiting = waiting.filter { rows.contains($0.key) } }

    mutating func connectionIsLost() { isConnected = false }

    mutating func connectionIsBack() {
        isConnected = true
        publishWaiting()
    }

    mutating func publishWaiting() {
        guard isConnected else { return }
        let rows = waiting.values.sorted { $0.id < $1.id }
        waiting = [:]
        publish(rows)
    }

    mutating func takeConfirmed() -> [OutboxRowID] {
        defer { confirmed = [] }
        return confirmed
    }

    /// The transaction that was to remove these did not happen.
    mutating func giveBack(confirmed ids: [OutboxRowID]) { confirmed += ids }

    func close() { publisher.close() }
}
