import DurableSQLite
import GRDB
import Glibc
import Logging
import SagaBus
import SagaCore
import Synchronization
import Testing

@testable import SagaEngine
@testable import SagaStore

@Suite("Crashes and a file that cannot be written")
struct CrashTests {
    @Test("F1, F21: what is not committed has not happened, and the input comes again", arguments: Storage.allCases)
    func notCommitted(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let saga = try shop.started()
        let before = try shop.contents()
        // More than fits on the pages the file has.
        let input: JSONValue = .string(String(repeating: "x", count: 200_000))
        var batch = EngineBatch()
        batch.deliveries = [
            shop.reply(saga, "reserve", .succeeded), shop.start("next", amount: input, id: "next"),
        ]
        var random = SplitMix64(seed: 5)
        try shop.fillDisk()
        let error = #expect(throws: (any Error).self) {
            try shop.core.process(batch, at: shop.now, using: &random)
        }
        #expect(error?.isStorageTrouble == true)
        #expect(random.state == 5)
        #expect(try shop.contents() == before)
        try shop.freeDisk()
        let result = try shop.process(batch.deliveries)
        #expect(try result.commands().map(\.type) == ["bank.charge", "stock.reserve"])
        #expect(try shop.state(saga).status == .running)
    }

    @Test("F21: an operator's request waits for room like everything else", arguments: ["pause", "discard"])
    func operatorRequestOnAFullDisk(_ verb: String) throws {
        let shop = try Shop(.file)
        let saga = try shop.started()
        try shop.process(shop.reply(saga, "ship", .succeeded))
        #expect(try shop.deadLetters().count == 1)
        let request =
            verb == "pause"
            ? shop.request("pause", of: saga, ["reason": .string(String(repeating: "r", count: 4000))])
            : shop.request("discard", ["deadLetter": 1, "reason": .string(String(repeating: "r", count: 4000))])
        var batch = EngineBatch()
        batch.deliveries = [request]
        var random = SplitMix64(seed: 5)
        try shop.tamper("CREATE TABLE filler (x BLOB)")
        for table in ["history", "request_answers"] {
            try shop.tamper(
                """
                CREATE TRIGGER grow_\(table) AFTER INSERT ON \(table)
                BEGIN INSERT INTO filler SELECT randomblob(200000); END
                """)
        }
        try shop.fillDisk()
        let error = #expect(throws: (any Error).self) {
            try shop.core.process(batch, at: shop.now, using: &random)
        }
        #expect(error?.isStorageTrouble == true)
        #expect(try shop.deadLetters().count == 1)
    }

    @Test("F22: a file locked by someone else is trouble that passes")
    func locked() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("skald.sqlite")
        let store = try SagaStore(path: path, busyTimeout: .milliseconds(1))
        let core = try EngineCore(store: store, settings: EngineSettings(), definitions: [Shop.definition])
        let shop = try Shop()
        var batch = EngineBatch()
        batch.deliveries = [shop.start()]
        var random = SplitMix64(seed: 5)
        do {
            let holder = try Holder(path: path)
            let error = #expect(throws: (any Error).self) {
                try core.process(batch, at: shop.now, using: &random)
            }
            #expect(error?.isStorageTrouble == true)
            try holder.letGo()
        }
        try core.recover()
        #expect(core.unreadCount == 0)
        let result = try core.process(batch, at: shop.now, using: &random)
        #expect(try result.answers().first?.kind == .accepted)
    }

    @Test("F2: the same deliveries after the commit change nothing", arguments: Storage.allCases)
    func committedButNotAcknowledged(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let start = shop.start(replyTo: nil)
        let saga = try #require(try shop.process(start).commands().first?.id.saga)
        let inputs = [
            start, shop.reply(saga, "reserve", .succeeded), shop.reply(saga, "charge", .succeeded),
            shop.reply(saga, "ship", .succeeded),
        ]
        var before = try shop.contents()
        #expect(try shop.process(start).outgoing.isEmpty)
        #expect(try shop.contents() == before)
        for (index, input) in inputs.enumerated().dropFirst() {
            #expect(try !shop.process(input).outgoing.isEmpty)
            before = try shop.contents()
            // The last reply of an ended saga is noted once.
            if index < inputs.count - 1 {
                for old in inputs.prefix(index + 1) { #expect(try shop.process(old).outgoing.isEmpty) }
                #expect(try shop.contents() == before)
            }
        }
        #expect(try shop.state(saga).status == .completed)
        for _ in 1...2 { for old in inputs { #expect(try shop.process(old).outgoing.isEmpty) } }
        #expect(try shop.state(saga).status == .completed)
        #expect(try shop.deadLetters().isEmpty)
    }

    @Test("F3: what was not confirmed goes out again as it was", arguments: Storage.allCases)
    func unconfirmed(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let rows = try shop.process(shop.start()).outgoing
        try shop.restart()
        #expect(try shop.core.nextUnread(limit: .max) == rows)
        let more = try shop.process(shop.start("2", id: "b")).outgoing
        #expect(try shop.outbox == rows + more)
        #expect(Set((rows + more).map(\.id)).count == rows.count + more.count)
        try shop.confirmAll()
        try shop.restart()
        #expect(shop.core.unreadCount == 0)
    }

    @Test("F28: what was committed before the file failed is published when the file is back")
    func partlyCommitted() throws {
        // An input that cannot be handled makes the batch run singly; the file fails after the first of its inputs.
        let shop = try Shop(.file)
        try shop.tamper(
            """
            CREATE TRIGGER planted BEFORE INSERT ON keys WHEN new.key = 'poison'
            BEGIN SELECT RAISE(ABORT, 'planted'); END
            """)
        try shop.tamper("CREATE TABLE filler (x BLOB)")
        try shop.tamper(
            """
            CREATE TRIGGER grow AFTER INSERT ON keys WHEN new.key = 'large'
            BEGIN INSERT INTO filler SELECT randomblob(2000000); END
            """)
        try shop.tamper("PRAGMA max_page_count = 200")
        var batch = EngineBatch()
        batch.deliveries = [
            shop.start("good", id: "a"), shop.start("poison", id: "b"), shop.start("large", id: "c"),
        ]
        var random = SplitMix64(seed: 5)
        let error = #expect(throws: (any Error).self) { try shop.core.process(batch, at: shop.now, using: &random) }
        #expect(error?.isStorageTrouble == true)
        try shop.core.recover()
        let rows = try shop.core.nextUnread(limit: .max)
        #expect(rows.compactMap(\.command).count == 1)
        #expect(try shop.outbox == rows)
        // Its command counts as unsent, and its row's number is not given away again.
        let next = try shop.process(shop.start("next", id: "d")).outgoing
        #expect(Set(next.map(\.id)).isDisjoint(with: rows.map(\.id)))
    }

    @Test("F28: a commit that reported an error and has happened is gone on from, not repeated")
    func committedAfterAll() throws {
        let isTrouble = Mutex(false)
        var settings = EngineSettings()
        settings.sagasInFlight = 1
        settings.afterCommit = {
            if isTrouble.withLock({ $0 }) { throw DatabaseError(resultCode: .SQLITE_IOERR) }
        }
        let shop = try Shop(settings: settings)
        let saga = try shop.started()
        #expect(!shop.core.mayAdmitStarts(at: shop.now))
        for (step, next) in [("reserve", "bank.charge"), ("charge", "stock.ship"), ("ship", nil)] {
            let reply = shop.reply(saga, step, .succeeded)
            isTrouble.withLock { $0 = true }
            let error = #expect(throws: (any Error).self) { try shop.process(reply) }
            #expect(error?.isStorageTrouble == true)
            isTrouble.withLock { $0 = false }
            try shop.core.recover()
            let unread = try shop.core.nextUnread(limit: .max).filter { $0.command != nil }
            #expect(unread.map(\.message.properties.type) == (next.map { [$0] } ?? []))
            #expect(try shop.process(reply).outgoing.isEmpty, "it comes again")
            try shop.confirmAll()
        }
        #expect(try shop.state(saga).status == .completed)
        #expect(try shop.deadLetters().isEmpty)
        #expect(shop.core.mayAdmitStarts(at: shop.now), "an ended saga takes no place in the window")
    }

    @Test(
        "F24: when the wall clock jumps by a day, time goes on as if it had not",
        arguments: [86_400_000, -86_400_000] as [Int64])
    func wallClockJumps(by jump: Int64) {
        let (wall, sinceBoot) = (HandClock(at: Shop.start), HandClock(at: Timestamp(milliseconds: 5000)))
        let clock = EngineClock(notBefore: nil) { ($0 == CLOCK_REALTIME ? wall : sinceBoot).now.milliseconds }
        wall.advance(milliseconds: jump)
        #expect(clock.now == Shop.start)
        sinceBoot.advance(milliseconds: 1500)
        #expect(clock.now == Shop.start.adding(milliseconds: 1500))
    }

    @Test(
        "F24: a wall clock far behind the file is told of at the start", arguments: [3_600_000, 3_600_001] as [Int64])
    func tellsOfAClockBehind(by milliseconds: Int64) throws {
        let shop = try Shop()
        let clock = EngineClock(notBefore: Shop.start.adding(milliseconds: milliseconds)) {
            $0 == CLOCK_REALTIME ? Shop.start.milliseconds : 0
        }
        let lines = LogLines()
        _ = try EngineLoop(
            core: shop.core, store: shop.store, bus: HandBus(), settings: shop.core.settings, definitions: [],
            clock: clock, random: SplitMix64(seed: 1), signals: EngineSignals(), logger: lines.logger)
        let told = lines.texts.filter { $0.contains("the wall clock is behind the file") }
        #expect(told.count == (milliseconds > 3_600_000 ? 1 : 0))
    }

    @Test("F24: time never goes back behind the file")
    func clock() throws {
        let future = Timestamp.wallClock.adding(milliseconds: 86_400_000)
        #expect(EngineClock(notBefore: future).now >= future)
        #expect(EngineClock(notBefore: future).behindMilliseconds > 86_000_000)
        #expect(EngineClock(notBefore: nil).behindMilliseconds == 0)
        #expect(EngineClock(notBefore: Timestamp(milliseconds: 5)).behindMilliseconds == 0)
    }
}

/// What was logged.
private final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var texts: [String] { lines.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .info

        init(lines: LogLines) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.lines.withLock { $0.append("\(event.message)") } }
    }
}
