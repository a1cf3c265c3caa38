import Glibc
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

/// A moment given on the command line: `15m` (that long ago), or a date and time in ISO 8601 (UTC unless it says).
enum Moment: Hashable {
    case ago(milliseconds: Int64)
    case at(Timestamp)

    init?(_ text: String) {
        if let milliseconds = DurationText.parse(text) {
            self = .ago(milliseconds: milliseconds)
        } else if let time = Self.iso8601(text) {
            self = .at(time)
        } else {
            return nil
        }
    }

    func timestamp(now: Timestamp) -> Timestamp {
        switch self {
        case .ago(let milliseconds): now.adding(milliseconds: -milliseconds)
        case .at(let time): time
        }
    }

    private static func iso8601(_ text: String) -> Timestamp? {
        let pattern = /(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(Z|[+-]\d\d:\d\d)?)?/
        guard let match = text.wholeMatch(of: pattern) else { return nil }
        func number(_ digits: Substring?) -> Int32 { digits.flatMap { Int32($0) } ?? 0 }
        var parts = tm()
        parts.tm_year = number(match.1) - 1900
        parts.tm_mon = number(match.2) - 1
        parts.tm_mday = number(match.3)
        parts.tm_hour = number(match.4)
        parts.tm_min = number(match.5)
        parts.tm_sec = number(match.6)
        var normalised = parts
        let seconds = timegm(&normalised)
        // The thirtieth of February would have become a day in March.
        guard (normalised.tm_mon, normalised.tm_mday, normalised.tm_hour) == (parts.tm_mon, parts.tm_mday, parts.tm_hour),
            (normalised.tm_min, normalised.tm_sec) == (parts.tm_min, parts.tm_sec)
        else { return nil }
        let fraction = match.7.map { $0 + String(repeating: "0", count: 3 - $0.count) }
        var milliseconds = Int64(seconds) * 1000 + Int64(number(fraction))
        if let zone = match.8, zone != "Z" {
            let (hours, minutes) = (Int64(number(zone.dropFirst().prefix(2))), Int64(number(zone.suffix(2))))
            guard hours < 24, minutes < 60 else { return nil }
            milliseconds -= (zone.first == "-" ? -1 : 1) * (hours * 60 + minutes) * 60_000
        }
        return Timestamp(milliseconds: milliseconds)
    }
}
