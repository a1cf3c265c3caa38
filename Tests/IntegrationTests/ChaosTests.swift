import BusConformance
import Foundation
import SagaCore
import Testing

@testable import skald

/// The chaos runner as a user runs it, for a minute: everything is killed, cut off and starved at least once.
@Suite(
    .serialized, .enabled(if: RunningSystem.brokerScript != nil, RunningSystem.missing), .timeLimit(.minutes(10)))
struct ChaosTests {
    private static let scenario = """
        seed: 3
        orders: 250
        rate: 10
        faults:
          kill-worker: { every: 5s, lasting: 200ms }
          kill-inventory: { every: 8s, lasting: 200ms }
          kill-payment: { every: 8s, lasting: 200ms }
          kill-ledger: { every: 8s, lasting: 200ms }
          crash-point: { every: 4s, lasting: 100ms }
          restart: { every: 12s, lasting: 100ms }
          freeze: { every: 8s, lasting: 2s }
          disk-full: { every: 9s, lasting: 1s }
          second-worker: 8s
          kill-broker: { every: 12s, lasting: 200ms }
          memory-alarm: { every: 11s, lasting: 1s }
          delete-queue: 9s
          delay: { every: 6s, lasting: 2s }
          blackhole: { every: 12s, lasting: 2s }
          half-close: { every: 12s, lasting: 1s }
          reset: 5s
        """

    @Test("F1, F2, F3, F13, F14, F15, F17, F19, F21, F23, F28: skald chaos hurts everything, and I1 to I7 hold")
    func chaos() throws {
        let system = try RunningSystem()
        defer { system.tearDown() }
        let (scenario, page) = (system.directory + "/scenario.yaml", system.directory + "/report.html")
        try Self.scenario.write(toFile: scenario, atomically: true, encoding: .utf8)
        let data = system.directory + "/chaos"
        let run = try system.run([
            "chaos", "--scenario", scenario, "--json", "--html", page, "--data-dir", data, "--rest-within", "5m",
        ])
        #expect(run.code == 0, "\(run.output.suffix(5000))")
        // Progress goes to standard error, which is the same file here.
        let begin = try #require(run.output.range(of: "\n{")?.lowerBound)
        let end = try #require(run.output.range(of: "\n}", options: .backwards)?.upperBound)
        let json = try JSONValue.parse(Array(run.output[begin..<end].utf8), limits: .stored)
        #expect(json["violations"] == [])
        #expect(try #require(json["sagas"]?.int64) >= 250)
        #expect(try #require(json["kills"]?.int64) >= 5)
        let faults = Set(json["faults"]?.array?.compactMap { $0["fault"]?.string } ?? [])
        #expect(faults.count >= 8, "\(faults)")
        #expect(try String(contentsOfFile: page, encoding: .utf8).contains("I1 to I7 hold"))
        // Erlang's helpers, in sessions of their own, end when they see that their machine has.
        try system.await("nothing of it is left") { Self.processes(naming: data).isEmpty }
    }

    @Test(
        "A run that is interrupted, or killed with -9, leaves no process and no port mapper behind",
        arguments: [SIGINT, SIGKILL])
    func interrupted(signal: Int32) async throws {
        try await RunningSystem.run { system in
            let data = system.directory + "/chaos"
            let chaos = try system.begin(["chaos", "--orders", "1000", "--data-dir", data])
            try system.await("everything has started") {
                try require(chaos.end == nil, "it goes on")
                return FileManager.default.fileExists(atPath: data + "/ledger.sqlite")
            }
            // The broker's script and machine, its port mapper, the worker and three services, a companion of each.
            let count = Self.processes(naming: data).count
            try require(count > 8, "not \(count)")
            chaos.signal(signal)
            let code = try RunningSystem.waitForEnd(of: chaos)
            try require(code == (signal == SIGINT ? 128 + SIGINT : -1), "not \(code)")
            try system.await("nothing of it is left") { Self.processes(naming: data).isEmpty }
        }
    }

    /// Pids of processes that live and have this path in their arguments or environment, without those of this test.
    private static func processes(naming path: String) -> [String] {
        let pids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.filter { Int($0) != nil } ?? []
        return pids.filter { pid in
            guard pid != "\(getpid())", let data = FileManager.default.contents(atPath: "/proc/\(pid)/environ") else {
                return false
            }
            return data.range(of: Data(path.utf8)) != nil
        }
    }
}
