import SagaCore

/// Moments and durations as a person reads them; all in UTC.
enum TimeText {
    /// `02:14:07` on the day of `now`, else with its date.
    static func clock(_ time: Timestamp, now: Timestamp, withMilliseconds: Bool = false) -> String {
        let text = time.iso8601
        let clock = text.dropFirst(11).prefix(withMilliseconds ? 12 : 8)
        let isToday = text.prefix(10) == now.iso8601.prefix(10)
        return isToday ? String(clock) : "\(text.prefix(10)) \(clock)"
    }

    /// `2026-11-21 02:14:07.120`.
    static func full(_ time: Timestamp) -> String {
        let text = time.iso8601
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(12))"
    }

    /// The clock and how far away that is: `02:14:07 (in 3s)`, `02:14:07 (3s ago)`.
    static func clockAndDistance(_ time: Timestamp, now: Timestamp) -> String {
        let distance = time - now
        let words = distance > 0 ? "in \(rough(distance))" : "\(rough(-distance)) ago"
        return "\(clock(time, now: now)) (\(words))"
    }

    /// One unit, two where the first is small: `340ms`, `4s`, `2m 5s`, `14m`, `3h 20m`, `9d`.
    static func rough(_ milliseconds: Int64) -> String {
        let seconds = milliseconds / 1000
        switch seconds {
        case ..<1: return "\(max(0, milliseconds))ms"
        case ..<60: return "\(seconds)s"
        case ..<600: return pair(seconds, 60, "m", 1, "s")
        case ..<3600: return "\(seconds / 60)m"
        case ..<86_400: return pair(seconds, 3600, "h", 60, "m")
        case ..<864_000: return pair(seconds, 86_400, "d", 3600, "h")
        default: return "\(seconds / 86_400)d"
        }
    }

    private static func pair(
        _ seconds: Int64, _ big: Int64, _ bigName: String, _ small: Int64, _ smallName: String
    ) -> String {
        let rest = seconds % big / small
        return "\(seconds / big)\(bigName)" + (rest == 0 ? "" : " \(rest)\(smallName)")
    }
}
