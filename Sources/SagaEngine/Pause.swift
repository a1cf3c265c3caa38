import SagaCore

/// A growing pause between tries: 200 ms, doubling, at most 10 s.
struct Pause {
    private var nextMilliseconds: Int64 = 200
    private var until: Timestamp?

    mutating func begin(_ now: Timestamp) {
        guard until == nil else { return }
        until = now.adding(milliseconds: nextMilliseconds)
        nextMilliseconds = min(nextMilliseconds * 2, 10_000)
    }

    func isOn(_ now: Timestamp) -> Bool { until.map { now < $0 } ?? false }

    func left(_ now: Timestamp) -> Duration { leftIfOn(now) ?? .zero }

    func leftIfOn(_ now: Timestamp) -> Duration? { until.map { .milliseconds(max(0, $0 - now)) } }

    func isOver(_ now: Timestamp) -> Bool { until.map { $0 <= now } ?? false }

    /// Ends a pause that is over; says whether there was one.
    mutating func ends() -> Bool {
        defer { until = nil }
        return until != nil
    }

    mutating func ends(ifOver now: Timestamp) -> Bool {
        guard let until, until <= now else { return false }
        return ends()
    }

    mutating func reset() { nextMilliseconds = 200 }
}
