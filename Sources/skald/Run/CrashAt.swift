import Foundation
import Glibc
import SagaCore
import Synchronization

/// `SKALD_CRASH_AT=worker-after-commit:37`: the process kills itself, as kill -9 does, when it comes to that place for
/// the 37th time. For harnesses; without the variable there is nothing to it.
struct CrashAt: Sendable, Hashable {
    static let variable = "SKALD_CRASH_AT"

    let point: CrashPoint
    let time: Int

    /// Nil where the text is none.
    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let point = CrashPoint(rawValue: String(parts[0])), let time = Int(parts[1]), time > 0
        else { return nil }
        self.point = point
        self.time = time
    }

    /// What the environment asks for.
    static func crashPoints() throws -> CrashPoints {
        guard let text = ProcessInfo.processInfo.environment[variable], !text.isEmpty else { return .none }
        guard let place = CrashAt(text) else {
            let known = CrashPoint.allCases.map(\.rawValue).joined(separator: ", ")
            throw CommandFailure(
                .usage, "\(variable) is a crash point and a number, like worker-after-commit:37; known: \(known)")
        }
        return place.crashPoints { kill(getpid(), SIGKILL) }
    }

    func crashPoints(_ die: @escaping @Sendable () -> Void) -> CrashPoints {
        let count = Count()
        return CrashPoints { [self] point in
            if point == self.point, count.next() == time { die() }
        }
    }

    private final class Count: Sendable {
        private let value = Atomic(0)
        func next() -> Int { value.add(1, ordering: .relaxed).newValue }
    }
}
