import Foundation
import GRDB
import SagaCore
import SagaYAML
import Testing

@testable import skald

@Suite("skald bench")
struct BenchTests {
    @Test func itsDefinitionsCanBeRun() {
        for (name, text) in BenchDefinitions.files {
            guard case .success(let definition) = DefinitionFile.parse(text, file: name) else {
                Issue.record("\(name) is refused")
                continue
            }
            #expect(definition.steps.count == 3)
        }
    }

    @Test func theKeyIsFoundInAnEvent() {
        let event = #"{"id":"x/8","source":"/skald/0","subject":"t1-42","time":"now","data":{"subject":"other"}}"#
        #expect(BenchDefinitions.subject(of: Array(event.utf8)) == "t1-42")
        #expect(BenchDefinitions.subject(of: Array(#"{"id":"x/8"}"#.utf8)) == nil)
        #expect(BenchDefinitions.subject(of: []) == nil)
    }

    @Test func aSpreadHasAMedian() {
        #expect(Spread([3, 1, 2]).median == 2)
        #expect(Spread([4, 1, 3, 2]).median == 2.5)
        #expect(Spread([5, 1]).least == 1 && Spread([5, 1]).most == 5)
        #expect(Spread([]).median == 0)
    }

    @Test func figuresAreForEachSaga() {
        var turn = BenchTurn()
        turn.ended = 4
        turn.seconds = 2
        turn.microseconds = [400, 100, 300, 200]
        turn.before.processes[.worker] = ProcessReading(cpuMicroseconds: 1000)
        turn.after.processes[.worker] = ProcessReading(cpuMicroseconds: 3000)
        turn.after.processes[.broker] = ProcessReading(cpuMicroseconds: 99)
        turn.before.commits = 5
        turn.after.commits = 7
        let measured = BenchMeasurement(system: .worker, load: .inFlight(1), turn: turn)
        #expect(measured.perSecond == 2)
        #expect(measured.cpu { $0 == .worker } == 500)
        #expect(measured.commits == 0.5)
        #expect(measured.latency(0.5) == 300)
        #expect(measured.latency(0.99) == 400)
        #expect(measured.p99ToP50 == 400.0 / 300)
    }

    @Test func commitsAreSQLitesOwnCount() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("skald-bench-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appendingPathComponent("t.sqlite").path
        var configuration = Configuration()
        configuration.journalMode = .wal
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.write { try $0.execute(sql: "CREATE TABLE t (n INTEGER)") }
        let before = SiteReading(pids: [:], database: path).commits
        for _ in 1...3 { try queue.write { try $0.execute(sql: "INSERT INTO t VALUES (1), (2)") } }
        _ = try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM t") }
        #expect(SiteReading(pids: [:], database: path).commits == before + 3)
    }

    @Test func aProcessIsReadFromTheKernel() {
        let own = ProcessReading(pid: getpid())
        #expect(own.residentBytes > 1_000_000)
        #expect(own.mostResidentBytes >= own.residentBytes / 2)
        #expect(ProcessReading(pid: 0).residentBytes == 0)
    }
}
