import Foundation
import SagaCore
import SagaYAML
import Testing

@testable import skald

@Suite("The plan of skald chaos")
struct ChaosPlanTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test("the same seed gives the same faults at the same times, another seed others")
    func seed() {
        func plan(_ seed: UInt64) -> [PlannedFault] {
            var scenario = ChaosScenario()
            scenario.seed = seed
            return scenario.plan.faults(until: 600_000)
        }
        #expect(plan(7) == plan(7))
        #expect(plan(7) != plan(8))
        #expect(plan(7).map(\.at) == plan(7).map(\.at).sorted())
    }

    @Test("a longer plan begins with the shorter one, and a kind switched off leaves the others where they are")
    func streams() {
        var scenario = ChaosScenario()
        let long = scenario.plan.faults(until: 600_000)
        #expect(scenario.plan.faults(until: 60_000) == long.filter { $0.at < 60_000 })
        scenario.rates[.killWorker] = nil
        #expect(scenario.plan.faults(until: 600_000) == long.filter { $0.kind != .killWorker })
    }

    @Test("ten minutes hold every kind of fault, and kill often enough", arguments: [1, 2, 3, 4, 5] as [UInt64])
    func usual(seed: UInt64) {
        var scenario = ChaosScenario()
        scenario.seed = seed
        let faults = scenario.plan.faults(until: scenario.expectedMilliseconds)
        #expect(Set(faults.map(\.kind)) == Set(FaultKind.allCases))
        #expect(faults.count { $0.kind.isKill } >= 200)
        #expect(scenario.expectedOrders >= 12_000)
        for fault in faults { #expect(fault.kind.targets.contains(fault.target)) }
    }

    @Test func theShippedScenarioIsTheUsualOne() throws {
        let file = Self.root.appending(path: "sagas/scenarios/chaos.yaml").path
        #expect(try ChaosScenario(SettingsFile(path: file)) == ChaosScenario())
    }

    @Test func everyShippedScenarioCanBeRead() throws {
        let folder = Self.root.appending(path: "sagas/scenarios").path
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(names.count > 1)
        for name in names {
            let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            // The simulator's profiles live here too.
            guard text.contains("kill-worker:") || text.contains("reset:") else { continue }
            #expect(throws: Never.self, "\(name)") { try ChaosScenario(SettingsFile(path: "\(folder)/\(name)")) }
        }
    }

    @Test("what is wrong in a scenario is said all at once, with its line and column")
    func mistakes() throws {
        let text = """
            seed: -1
            duration: 10
            rat: 3
            faults:
              kill-worker: soon
              kill-waiter: 5s
              reset: { every: 3s, lasting: 1s }
              freeze: { lasting: 1s }
            """
        do {
            _ = try ChaosScenario(SettingsFile(text: text, file: "s.yaml"))
            Issue.record("it was taken")
        } catch let problems as SourceProblems {
            let found = problems.problems.map { "\($0.line):\($0.column) \($0.code)" }
            #expect(
                found == [
                    "1:7 SETTING_VALUE", "2:11 SETTING_VALUE", "3:1 SETTING_UNKNOWN", "5:16 SETTING_VALUE",
                    "6:3 SETTING_UNKNOWN", "7:23 SETTING_UNKNOWN", "8:3 SETTING_VALUE",
                ])
        }
        #expect(throws: SourceProblems.self) {
            try ChaosScenario(SettingsFile(text: "orders: 3\nduration: 3s\n", file: "s.yaml"))
        }
        #expect(throws: SourceProblems.self) { try SettingsFile(text: "a: &b 1", file: "s.yaml") }
    }

    @Test("the definitions in the program are those that ship, but for their patience")
    func definitions() throws {
        for (name, text) in ChaosDefinitions.files {
            let shipped = try DefinitionFile.load(path: Self.root.appending(path: "sagas/\(name)").path).get()
            let own = try DefinitionFile.parse(text, file: name).get()
            #expect((own.name, own.version) == (shipped.name, shipped.version))
            #expect(own.deadlineMilliseconds == shipped.deadlineMilliseconds)
            #expect(own.steps.count == shipped.steps.count)
            for (left, right) in zip(own.steps, shipped.steps) {
                #expect((left.name, left.participant, left.kind) == (right.name, right.participant, right.kind))
                #expect((left.action, left.compensation) == (right.action, right.compensation))
                #expect((left.after, left.input) == (right.after, right.input))
            }
        }
    }
}
