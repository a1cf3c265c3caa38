import Glibc
import SagaBus
import SagaCore
import SagaStore
import Synchronization

/// Looks at the orchestrator's file while the system is hurt, as `skald list` would: how many sagas are open and stuck,
/// and what some of them have behind them, which must still be so at the end (I5).
final class SystemSampler: Sendable {
    struct Sample: Sendable, Hashable {
        let at: Int64
        let open: Int
        let stuck: Int
        let ended: Int
        let outbox: Int
    }
    /// A saga's past as it was seen.
    struct Past: Sendable {
        let status: SagaStatus
        let history: [HistoryEntry]
    }

    private let path: String
    private let journal: ChaosJournal
    private let seen = Mutex<(samples: [Sample], pasts: [SagaID: Past])>(([], [:]))
    private let mustEnd = Signal()
    private let hasEnded = Signal()

    private static let pastsPerLook = 6
    private static let mostPasts = 4000

    init(directory: String, journal: ChaosJournal) {
        path = directory + "/skald.sqlite"
        self.journal = journal
    }

    var samples: [Sample] { seen.withLock { $0.samples } }
    var pasts: [SagaID: Past] { seen.withLock { $0.pasts } }

    func start() {
        DedicatedThread.start { [self] in
            var random = SystemRandomNumberGenerator()
            while !mustEnd.isSet {
                // The file may not be there yet, or its worker be setting it up.
                try? look(&random)
                usleep(1_000_000)
            }
            hasEnded.set()
        }
    }

    func stop() async throws {
        mustEnd.set()
        while !hasEnded.isSet { try await Task.sleep(for: .milliseconds(20)) }
    }

    /// Opens the file each time: one that stayed open would spare a killed worker the recovery of its file.
    private func look(_ random: inout SystemRandomNumberGenerator) throws {
        let reader = try SagaStoreReader(path: path)
        let (sample, rows) = try reader.read { transaction in
            let counts = try transaction.countByStatus()
            var filter = SagaFilter()
            filter.limit = 300
            return (
                Sample(
                    at: journal.now, open: try transaction.openSagaCount(), stuck: counts[.stuck] ?? 0,
                    ended: counts.filter { $0.key.isTerminal }.values.reduce(0, +),
                    outbox: try transaction.outboxCount()), try transaction.sagas(filter).shuffled(using: &random)
            )
        }
        seen.withLock { $0.samples.append(sample) }
        var definitions: [SagaID: SagaDefinition] = [:]
        for row in rows.prefix(Self.pastsPerLook) {
            try reader.read { transaction in
                guard let status = try transaction.summary(of: row.id)?.status,
                    let definition = try definitions[row.id] ?? transaction.definition(of: row.id)
                else { return }
                definitions[row.id] = definition
                let past = Past(status: status, history: try transaction.history(of: row.id, definition: definition))
                seen.withLock { seen in
                    if seen.pasts.count < Self.mostPasts { seen.pasts[row.id] = past }
                }
            }
        }
    }
}
