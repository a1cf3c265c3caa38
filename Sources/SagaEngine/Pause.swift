/// A growing pause between tries: 200 ms, doubling, at most 10 s.
struct Pause {
    private var next: Duration = .milliseconds(200)
    private var until: ContinuousClock.Instant?

    /// The next pause, for a caller that waits by itself.
    mutating func take() -> Duration {
        defer { next = min(next * 2, .seconds(10)) }
        return next
    }

    mutating func begin(_ now: ContinuousClock.Instant) {
        if until == nil { until = now + take() }
    }

    func isOn(_ now: ContinuousClock.Instant) -> Bool { until.map { now < $0 } ?? false }

    func left(_ now: ContinuousClock.Instant) -> Duration { leftIfOn(now) ?? .zero }

    func leftIfOn(_ now: ContinuousClock.Instant) -> Duration? { until.map { max(.zero, now.duration(to: $0)) } }

    func isOver(_ now: ContinuousClock.Instant) -> Bool { until.map { $0 <= now } ?? false }

    /// Ends a pause that is over; says whether there was one.
    mutating func ends() -> Bool {
        defer { until = nil }
        return until != nil
    }

    mutating func ends(ifOver now: ContinuousClock.Instant) -> Bool {
        guard let until, until <= now else { return false }
        return ends()
    }

    mutating func reset() { next = .milliseconds(200) }
}
