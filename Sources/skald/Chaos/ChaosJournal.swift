import SagaCore
import Synchronization

/// What has been done to the system and what was noticed meanwhile, in milliseconds from the beginning.
final class ChaosJournal: Sendable {
    struct Entry: Sendable {
        let kind: FaultKind
        let target: FaultTarget
        let began: Int64
        let ended: Int64
        /// What was done in particular, such as the name of the queue; safe for a terminal.
        let text: String
        /// How many processes it ended with SIGKILL.
        let kills: Int
    }
    /// A breach of an invariant, and the sagas it concerns.
    struct Violation: Sendable, Hashable {
        /// `I1` to `I7`, or the fault whose right result it is not.
        let rule: String
        let text: String
        var sagas: [SagaID] = []
    }
    private struct Contents {
        var entries: [Entry] = []
        var notes: [String] = []
        var violations: [Violation] = []
        var running: [String] = []
    }

    private let began = ContinuousClock.now
    private let contents = Mutex(Contents())

    var now: Int64 { Int64(began.duration(to: .now) / .milliseconds(1)) }
    var entries: [Entry] { contents.withLock { $0.entries.sorted { $0.began < $1.began } } }
    var notes: [String] { contents.withLock { $0.notes } }
    var violations: [Violation] { contents.withLock { $0.violations } }
    var kills: Int { contents.withLock { $0.entries.reduce(0) { $0 + $1.kills } } }
    /// What is being done now.
    var running: [String] { contents.withLock { $0.running } }

    /// Does it and enters it. The body says what it did, and how many processes it killed.
    func enter(
        _ kind: FaultKind, _ target: FaultTarget, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> (text: String, kills: Int)
    ) async rethrows {
        let began = now
        let name = "\(kind.rawValue) \(target.rawValue)"
        contents.withLock { $0.running.append(name) }
        defer {
            contents.withLock { contents in
                if let index = contents.running.firstIndex(of: name) { contents.running.remove(at: index) }
            }
        }
        let (text, kills) = try await body()
        let entry = Entry(kind: kind, target: target, began: began, ended: now, text: text, kills: kills)
        contents.withLock { $0.entries.append(entry) }
    }

    func note(_ text: String) {
        let now = self.now
        contents.withLock { $0.notes.append("\(now / 1000) s: \(text)") }
    }

    func report(_ violation: Violation) { contents.withLock { $0.violations.append(violation) } }
}

/// Set once, from any thread.
final class Signal: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}
