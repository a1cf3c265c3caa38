import ArgumentParser
import SagaCore
import SagaStore
import Testing

@testable import skald

@Suite struct ListTests {
    /// Oldest first: completed, stuck at capture, compensated, running, paused; a minute apart.
    private func shop() throws -> (SeededStore, [SagaID]) {
        let seeded = try SeededStore()
        var ids: [SagaID] = []
        let begin = seeded.now
        ids.append(try seeded.start("1"))
        try seeded.succeed(ids[0], "reserve-stock", "authorize", "capture", "settle")
        seeded.now = begin.adding(milliseconds: 60_000)
        ids.append(try seeded.start("2"))
        try seeded.succeed(ids[1], "reserve-stock", "authorize", "capture")
        try seeded.refuse(ids[1], "settle", "PERIOD_CLOSED")
        seeded.now = begin.adding(milliseconds: 120_000)
        ids.append(try seeded.start("3"))
        try seeded.refuse(ids[2], "reserve-stock", "OUT_OF_STOCK")
        seeded.now = begin.adding(milliseconds: 180_000)
        ids.append(try seeded.start("4"))
        seeded.now = begin.adding(milliseconds: 240_000)
        ids.append(try seeded.start("5"))
        try seeded.ask(ids[4], .pause)
        return (seeded, ids)
    }

    @Test func newestFirst() throws {
        let (seeded, ids) = try shop()
        let text = try seeded.list()
        #expect(
            text.lines[0].split(separator: " ").map(String.init)
                == ["ID", "DEFINITION", "KEY", "STATUS", "STEP", "STARTED", "ERROR"])
        #expect(text.lines[1...5].map { String($0.prefix(13)) } == ids.reversed().map(\.description))
        #expect(text.lines[1].contains("running, paused"))
        #expect(text.lines[4].contains("stuck"))
        #expect(text.lines[4].contains("settle"))
        #expect(text.lines[4].hasSuffix("3m 1s ago  PERIOD_CLOSED"))
        #expect(text.lines.last == "2 running, 1 stuck, 1 completed, 1 compensated")
    }

    @Test(arguments: [
        (["--status", "stuck"], ["2"]), (["--status", "open"], ["5", "4", "2"]),
        (["--status", "stuck", "--status", "completed"], ["2", "1"]), (["--paused"], ["5"]),
        (["--step", "settle"], ["2"]), (["--error", "OUT_OF_STOCK"], ["3"]), (["--key", "4"], ["4"]),
        (["--definition", "place-order", "--older-than", "150s"], ["2", "1"]), (["--newer-than", "90s"], ["5", "4"]),
        (["--definition", "cancel-order"], []),
    ])
    func filters(arguments: [String], keys: [String]) throws {
        let (seeded, _) = try shop()
        let command = try List.parse(arguments)
        let listing = try seeded.store.read { try SagaListing(command.filter(now: seeded.later), in: $0) }
        #expect(listing.rows.map(\.key) == keys)
    }

    @Test func pages() throws {
        let (seeded, ids) = try shop()
        let first = try seeded.list("--limit", "2", "--status", "open")
        #expect(first.lines.last == "next page: skald list --status open --limit 2 --after \(ids[3])")
        let second = try seeded.list("--limit", "2", "--status", "open", "--after", ids[3].description)
        #expect(second.lines[1].hasPrefix(ids[1].description))
        #expect(!second.has("next page"))
        #expect(try !seeded.list("--limit", "5").has("next page"))
    }

    @Test func nothing() throws {
        #expect(try SeededStore().list().lines == ["no sagas yet"])
        let (seeded, _) = try shop()
        #expect(try seeded.list("--key", "none").lines.first == "no saga matches")
    }

    @Test(arguments: [
        ["list", "--status", "sleeping"], ["list", "--older-than", "soon"], ["list", "--older-than", "2026-02-30"],
        ["list", "--after", "4711"], ["list", "--limit", "0"], ["list", "--step", "%"], ["list", "--colour", "red"],
        ["show"], ["history", "1", "--at", "0"], ["dead-letters", "show", "seven"], ["lint"], ["graph"],
        ["graph", "x", "--status"],
    ])
    func badArguments(arguments: [String]) {
        do {
            _ = try Skald.parseAsRoot(arguments)
            Issue.record("was taken: \(arguments)")
        } catch {
            #expect(Skald.exitCode(for: error).rawValue == CommandFailure.Kind.usage.rawValue)
        }
    }

    @Test(arguments: [
        ("2026-11-21", "2026-11-21T00:00:00.000Z"), ("2026-11-21T02:14", "2026-11-21T02:14:00.000Z"),
        ("2026-11-21 02:14:07.5Z", "2026-11-21T02:14:07.500Z"),
        ("2026-11-21T02:14:07+01:30", "2026-11-21T00:44:07.000Z"),
    ])
    func moments(text: String, time: String) {
        #expect(Moment(text)?.timestamp(now: Timestamp(milliseconds: 0)).iso8601 == time)
    }

    @Test(arguments: ["2026-02-29", "2026-13-01", "2026-11-21T24:00", "2026-11-21T02:14:61", "15 m", "", "-5m"])
    func noMoments(text: String) {
        #expect(Moment(text) == nil)
    }

    @Test func noDatabase() throws {
        let data = try DataOptions.parse(["--data-dir", "/nowhere/at/all"])
        let error = #expect(throws: CommandFailure.self) { try data.reader() }
        #expect(error?.kind == .noInput)
        #expect(error?.message.contains("SKALD_DATA_DIR") == true)
        #expect(error?.message.contains("skald demo") == true)
    }
}
