import OrderServices
import SagaBus
import SagaCore
import Testing

@testable import SagaSimulator

/// Every named crash point, at every command of an order that is completed, one that is undone and one that is given
/// back.
@Suite("A crash at every point of every step")
struct CrashSweepTests {
    /// The commands of the three sagas: place-order has six steps, four of which can be undone, cancel-order has four.
    /// Those that call the gateway do so outside their transaction.
    private static let commands = 6 + (5 + 4) + 4
    /// Of steps side by side the worker may handle the answers together.
    private static let together = 4
    /// Twice authorize and capture, void, refund.
    private static let calls = 6

    private struct Breach: Error, CustomStringConvertible {
        let description: String
    }

    @Test(
        "F1, F2, F3, F28: dying there once, or once more on the way up, changes nothing in the books",
        arguments: CrashPoint.allCases)
    func sweep(_ point: CrashPoint) async throws {
        let definitions = try Sagas.shipped()
        let runs = try await runOnDedicatedThread {
            let databases = try Databases()
            var runs = 0
            for crashes in 1...2 {
                for time in 1... {
                    let system = try MortalSystem(
                        databases, definitions, dying: crashes, at: point, afterReaching: time)
                    try system.runShop()
                    guard system.deaths > 0 else { break }
                    runs += 1
                    // One such place is enough to look at.
                    if let breach = try system.breaches().first {
                        throw Breach(description: "\(point.rawValue):\(time), \(crashes) times: \(breach)")
                    }
                }
            }
            return runs
        }
        // Each command passes it at least once, so that the sweep has met every step.
        let least =
            switch point {
            case .participantBeforeCall, .participantAfterCall: Self.calls
            case .participantBeforeCommit, .participantAfterCommit, .participantAfterPublishing,
                .participantAfterConfirm:
                Self.commands
            case .workerBeforeCommit, .workerAfterCommit, .workerAfterAcknowledging, .workerAfterPublishing,
                .workerAfterConfirm:
                Self.commands - Self.together
            }
        #expect(runs >= 2 * least, "\(point.rawValue) was reached only \(runs) times")
    }
}
