import Glibc
import SagaCore

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
        guard
            (normalised.tm_mon, normalised.tm_mday, normalised.tm_hour) == (parts.tm_mon, parts.tm_mday, parts.tm_hour),
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
