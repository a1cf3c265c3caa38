import BusConformance
import Foundation
import Testing

@testable import skald

@Suite(.enabled(if: RunningSystem.brokerScript != nil, RunningSystem.missing), .timeLimit(.minutes(10)))
struct BrokerScriptTests {
    @Test("A broker that was started for a process goes with it, even if that is killed with -9")
    func owner() async throws {
        try await RunningSystem.run { system in
            let owner = try ChildProcess("/bin/sleep", ["3600"], environment: [:], log: system.directory + "/sleep.log")
            let directory = system.directory + "/owned"
            try system.broker("start", in: directory, owner: owner.pid)
            try require(FileManager.default.fileExists(atPath: directory + "/skald.pid"), "it runs")
            owner.signalGroup(SIGKILL)
            _ = try RunningSystem.waitForEnd(of: owner)
            defer { try? system.broker("stop", in: directory, "--purge") }
            try system.await("its directory goes last") { !FileManager.default.fileExists(atPath: directory) }
            do {
                try system.broker("status", in: directory)
            } catch { return }
            throw RunningSystem.Failure("the broker still runs")
        }
    }
}
