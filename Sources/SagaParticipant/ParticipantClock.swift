import SagaCore

/// The two times a participant's loop needs.
package struct ParticipantClock: Sendable {
    /// The wall clock: what records are dated with.
    package let now: @Sendable () -> Timestamp
    /// Time since some moment, on a clock nobody sets: what pauses are measured with.
    package let elapsed: @Sendable () -> Duration

    package init(now: @escaping @Sendable () -> Timestamp, elapsed: @escaping @Sendable () -> Duration) {
        self.now = now
        self.elapsed = elapsed
    }

    static func machine(now: @escaping @Sendable () -> Timestamp) -> ParticipantClock {
        let start = ContinuousClock.now
        return ParticipantClock(now: now, elapsed: { start.duration(to: .now) })
    }
}
