import SagaCore
import Testing

@Suite("skald simulate") struct SimulateTests {
    private let tool: CommandLineTool

    init() throws { tool = try CommandLineTool() }

    @Test("seeds that hold: what happened, and exit code 0; as JSON with the same figures")
    func holds() async throws {
        let text = try await tool.run("simulate", "--seeds", "3")
        #expect(text.code == 0)
        #expect(text.output.contains("3 seeds of \"everything\"") && text.output.contains("every check holds"))
        let json = try JSONValue.parse(try await tool.run("simulate", "--seeds", "3", "--json").output)
        #expect(json["seeds"]?.int64 == 3)
        #expect(json["failing"]?.array?.isEmpty == true)
        #expect(text.output.contains("\(json["events"]?.int64 ?? 0) events"))
    }

    @Test("the same seed prints the same trace in another process")
    func trace() async throws {
        let first = try await tool.run("simulate", "--seed", "17", "--scenario", "crashes", "--trace")
        #expect(first.lines.count > 20)
        #expect(
            first.output == (try await tool.run("simulate", "--seed", "17", "--scenario", "crashes", "--trace")).output)
    }

    @Test("a scenario file names its faults; a wrong one is refused with its line")
    func scenarioFile() async throws {
        let shipped = CommandLineTool.repository + "/sagas/scenarios/simulation.yaml"
        let run = try await tool.run("simulate", "--scenario", shipped, "--seeds", "2", "--json")
        #expect(run.code == 0)
        let wrong = try await tool.shell(
            "printf 'faults:\\n  lose-massage: 5%%\\n' > wrong.yaml; $SKALD simulate --scenario wrong.yaml")
        #expect(wrong.code == 1)
        #expect(wrong.errors.contains("wrong.yaml:2:3: error:"))
        #expect(try await tool.run("simulate", "--scenario", "none.yaml").code == 66)
    }

    @Test(
        "what makes no sense is wrong usage",
        arguments: [
            ["--seeds", "0"], ["--seed", "18446744073709551615"], ["--trace"], ["--only", "lose-everything"],
            ["--until", "soon"], ["--scenario", "mayhem"], ["--orders", "0"], ["--jobs", "0"], ["--fault-limit=-1"],
        ])
    func usage(_ arguments: [String]) async throws {
        let run = try await tool.shell("$SKALD simulate \(arguments.joined(separator: " "))")
        #expect(run.code == 64, "\(run.output)\(run.errors)")
    }
}
