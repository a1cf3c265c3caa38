import SagaBus
import SagaCore
import SagaStore

/// Publishes committed rows and keeps count of what the broker has said of each.
///
/// A row's id is its publish token, so a late result of a replaced row finds nothing.
struct OutboxPublisher {
    private let publisher: any BusPublisher
    /// Handed to the bus, result outstanding.
    private var outstanding: [OutboxRowID: OutboxRow] = [:]
    /// Not taken (no queue, refused, connection lost); published again after a pause or when the connection is back.
    private var waiting: [OutboxRowID: OutboxRow] = [:]
    private var isConnected = true
    /// Confirmed, to be removed in the next transaction.
    private(set) var confirmed: [OutboxRowID] = []

    init(publisher: any BusPublisher) {
        self.publisher = publisher
    }

    var count: Int { outstanding.count + waiting.count }
    var isWaiting: Bool { !waiting.isEmpty && isConnected }
    var isIdle: Bool { outstanding.isEmpty }

    mutating func publish(_ rows: [OutboxRow], replacing replaced: [OutboxRowID] = []) {
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
        publisher.publish(rows.map { (token: UInt64($0.id), message: Message($0)) })
    }

    /// Takes the broker's word for some rows; returns those that came back, with the reason.
    mutating func settle(_ results: [PublishResult]) -> [(row: OutboxRow, reason: String)] {
        var cameBack: [(OutboxRow, String)] = []
        for result in results {
            let id = OutboxRowID(result.token)
            guard let row = outstanding.removeValue(forKey: id) else { continue }
            switch result.outcome {
            case .confirmed: confirmed.append(id)
            case .returned(let reason):
                waiting[id] = row
                cameBack.append((row, reason))
            case .rejected, .unknown: waiting[id] = row
            }
        }
        return cameBack
    }

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

extension Message {
    package init(_ row: OutboxRow) {
        self.init(
            exchange: row.exchange, routingKey: row.routingKey, properties: MessageProperties(json: row.properties),
            body: row.body, isMandatory: row.isMandatory)
    }
}
