import Glibc
import SagaCore

/// Engine time: the wall clock at start plus the time since on a clock nobody sets, so that a jump of the wall clock
/// neither fires nor delays a timer (F24).
package struct EngineClock: Sendable {
    private let read: @Sendable () -> Timestamp
    /// How far the wall clock was behind the file when the engine started; 0 if it was not.
    package let behindMilliseconds: Int64

    /// - Parameter floor: the greatest time in the file; time goes on from there if the wall clock is behind it.
    package init(notBefore floor: Timestamp?) {
        self.init(notBefore: floor, milliseconds: { Self.milliseconds(of: $0) })
    }

    /// - Parameter milliseconds: what a clock of the machine shows.
    package init(notBefore floor: Timestamp?, milliseconds: @escaping @Sendable (clockid_t) -> Int64) {
        let wall = Timestamp(milliseconds: milliseconds(CLOCK_REALTIME))
        let origin = max(wall, floor ?? wall)
        behindMilliseconds = origin - wall
        let bootMillisecondsAtOrigin = milliseconds(CLOCK_BOOTTIME)
        read = { origin.adding(milliseconds: milliseconds(CLOCK_BOOTTIME) - bootMillisecondsAtOrigin) }
    }

    /// Time as somebody else makes it pass: a test, a simulation.
    package init(reading read: @escaping @Sendable () -> Timestamp) {
        self.read = read
        behindMilliseconds = 0
    }

    package var now: Timestamp { read() }

    private static func milliseconds(of clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
