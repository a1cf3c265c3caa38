import SagaCore
import Testing

@Suite struct TimestampTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_704_067_200_000, "2024-01-01T00:00:00.000Z"),
            (1_709_164_800_001, "2024-02-29T00:00:00.001Z"),
            (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
            (1_795_258_620_123, "2026-11-21T10:57:00.123Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "10000-01-01T00:00:00.000Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
            (-62_167_219_200_001, "-0001-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func iso8601(milliseconds: Int64, expected: String) {
        #expect(Timestamp(milliseconds: milliseconds).iso8601 == expected)
    }

    @Test func everyDayFollowsTheOneBefore() {
        var (year, month, day) = (1968, 1, 1)
        for index in 0..<60_000 as Range<Int64> {
            let text = Timestamp(milliseconds: (index - 731) * 86_400_000).iso8601
            let date = "\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)"
            guard text == date + "T00:00:00.000Z" else {
                Issue.record("expected \(date), got \(text)")
                return
            }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let length = month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
            day += 1
            if day > length { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
    }

    @Test func addingAndSubtracting() {
        let start = Timestamp(milliseconds: 1000)
        #expect(start.adding(milliseconds: 500) - start == 500)
        #expect(start - start.adding(milliseconds: 500) == -500)
        #expect(start < start.adding(milliseconds: 1))
        #expect(start.adding(milliseconds: -2000).milliseconds == -1000)
    }

    @Test func timeEndsInsteadOfOverflowing() {
        let (first, last) = (Timestamp(milliseconds: .min), Timestamp(milliseconds: .max))
        #expect(last.adding(milliseconds: 1) == last)
        #expect(first.adding(milliseconds: -1) == first)
        #expect(last - first == .max)
        #expect(first - last == .min)
        #expect(first.iso8601.hasSuffix("Z") && last.iso8601.hasSuffix("Z"))
    }
}

@Suite struct DurationTextTests {
    @Test(
        arguments: [
            ("200ms", 200), ("5s", 5000), ("15m", 900_000), ("24h", 86_400_000), ("30d", 2_592_000_000), ("0s", 0),
            ("007s", 7000), ("9223372036854775807ms", .max), ("106751991167d", 9_223_372_036_828_800_000),
        ] as [(String, Int64)])
    func parse(text: String, milliseconds: Int64) {
        #expect(DurationText.parse(text) == milliseconds)
    }

    @Test(arguments: [
        "", "5", "s", "ms", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5s", "1e3s", "5S", "5sec", "5w", "5us", "1h30m",
        "5smore",
        "٥s", "5ms\u{0}", "9223372036854775808ms", "106751991168d", "99999999999999999999s",
    ])
    func noDuration(_ text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(
        arguments: [
            (0, "0s"), (1, "1ms"), (999, "999ms"), (1000, "1s"), (1500, "1500ms"), (60_000, "1m"), (90_000, "90s"),
            (5_400_000, "90m"), (86_400_000, "1d"), (129_600_000, "36h"), (2_592_000_000, "30d"), (-5000, "-5s"),
        ] as [(Int64, String)])
    func text(milliseconds: Int64, expected: String) {
        #expect(DurationText.text(milliseconds: milliseconds) == expected)
    }

    @Test func theTextIsExact() {
        var random = SplitMix64(seed: 3)
        for _ in 0..<1000 {
            let units: [Int64] = [1, 1000, 60_000, 3_600_000, 86_400_000]
            let milliseconds = Int64.random(in: 0..<10_000, using: &random) * (units.randomElement(using: &random) ?? 1)
            #expect(DurationText.parse(DurationText.text(milliseconds: milliseconds)) == milliseconds)
        }
        #expect(DurationText.parse(DurationText.text(milliseconds: .max)) == .max)
    }
}
