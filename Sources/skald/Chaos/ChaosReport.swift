import OrderServices
import SagaCore
import SagaStore

/// What a run came to. Times are in milliseconds from its beginning.
struct ChaosReport: Sendable {
    let scenario: ChaosScenario
    let directory: String
    /// When it began, by the wall clock.
    let epoch: Timestamp
    /// The feeding began, ended, and everything was at rest.
    let began: Int64
    let fed: Int64
    let rested: Int64
    let tally: OrderFeeder.Tally
    let sagas: [SagaSummary]
    let books: AuditReport
    let entries: [ChaosJournal.Entry]
    let notes: [String]
    let samples: [SystemSampler.Sample]
    /// Sagas whose past was looked at again in the end.
    let pasts: Int
    let violations: [ChaosJournal.Violation]
    let histories: [SagaID: [String]]

    static let rules = [
        ("I1", "every accepted start is exactly one saga, which has ended or is visibly stuck"),
        ("I2", "no action and no compensation took effect twice"),
        ("I3", "money and stock add up"),
        ("I4", "completed sagas took effect whole, compensated ones left nothing"),
        ("I5", "no end and no history has changed; files are whole"),
        ("I6", "outbox and queues are empty, no dead letters"),
        ("I7", "nothing was done that was not committed"),
    ]

    var kills: Int { entries.reduce(0) { $0 + $1.kills } }

    var counts: [(status: SagaStatus, count: Int)] {
        SagaStatus.allCases.compactMap { status in
            let count = sagas.count { $0.status == status }
            return count > 0 ? (status, count) : nil
        }
    }

    var stuck: [SagaSummary] { sagas.filter { $0.status == .stuck } }

    func violations(of rule: String) -> [ChaosJournal.Violation] { violations.filter { $0.rule == rule } }

    /// Kinds with how often they happened, in the order of ``FaultKind``.
    var faultCounts: [(kind: FaultKind, count: Int, kills: Int)] {
        FaultKind.allCases.compactMap { kind in
            let found = entries.filter { $0.kind == kind }
            return found.isEmpty ? nil : (kind, found.count, found.reduce(0) { $0 + $1.kills })
        }
    }

    /// Sagas ended in each of these spans.
    func endedPerBucket(milliseconds: Int64) -> [Int] {
        buckets(milliseconds) { $0.endedAt }
    }

    func startedPerBucket(milliseconds: Int64) -> [Int] {
        buckets(milliseconds) { $0.startedAt }
    }

    private func buckets(_ milliseconds: Int64, _ time: (SagaSummary) -> Timestamp?) -> [Int] {
        var counts = [Int](repeating: 0, count: Int(rested / milliseconds) + 1)
        for saga in sagas {
            guard let at = time(saga) else { continue }
            let index = Int((at - epoch) / milliseconds)
            if counts.indices.contains(index) { counts[index] += 1 }
        }
        return counts
    }
}
