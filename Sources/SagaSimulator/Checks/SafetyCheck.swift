import SagaCore
import SagaStore

/// What must hold after every step of the worker: terminal states stay, histories only grow (I5).
final class SafetyCheck {
    private struct Seen {
        let status: SagaStatus
        let sequence: Int
    }
    private let store: SagaStore
    private var seen: [SagaID: Seen] = [:]
    private(set) var violations: [String] = []
    private var lastCommit = -1

    init(_ world: World) {
        store = world.store
        guard let worker = world.processes.first(where: { $0.name == "worker" }) else { return }
        worker.afterStep = { [self, unowned worker] in
            guard worker.commits != lastCommit else { return }
            lastCommit = worker.commits
            do { try look() } catch { violations.append("the worker's file cannot be read: \(error)") }
        }
    }

    private func look() throws {
        for now in try store.read({ try $0.progress() }) {
            if let before = seen[now.saga] {
                if before.status.isTerminal, before.status != now.status {
                    violations.append("I5: saga \(now.saga) was \(before.status.rawValue), now \(now.status.rawValue)")
                }
                if now.sequence < before.sequence {
                    violations.append("I5: the history of saga \(now.saga) has become shorter")
                }
            }
            seen[now.saga] = Seen(status: now.status, sequence: now.sequence)
        }
    }
}
