import SagaCore
import Testing

@testable import SagaYAML

@Suite("Broken definitions are refused at the right place")
struct BrokenDefinitionTests {
    @Test("Bad fields", arguments: BrokenFields.all)
    func fields(_ definition: MarkedYAML) {
        #expect(definition.found() == definition.expected)
    }

    @Test("Steps that do not fit together (rules 5, 6 and 9)", arguments: BrokenOrder.all)
    func order(_ definition: MarkedYAML) {
        #expect(definition.found() == definition.expected)
    }

    @Test("Bad YAML", arguments: BrokenYAML.all)
    func yaml(_ definition: MarkedYAML) {
        #expect(definition.found() == definition.expected)
    }

    @Test func everyCodeIsTested() {
        let tested = Set((BrokenFields.all + BrokenOrder.all + BrokenYAML.all).flatMap(\.expected).map(\.code))
        let known = DefinitionProblem.Code.allCases.map(\.rawValue) + YAMLProblem.Code.allCases.map(\.rawValue)
        let testedElsewhere: Set = ["LINT_FILE", "LINT_FILE_SIZE"]
        #expect(Set(known).subtracting(testedElsewhere) == tested)
    }

    @Test func allProblemsComeTogetherInTheOrderOfTheFile() throws {
        let text = """
            saga: Place Order
            version: 0
            key: orders
            deadline: 5
            steps:
              - name: reserve-stock
                participant: inventory
                action: inventory.reserve
                timout: 5s
              - name: capture-payment
                kind: pivot
                participant: payment
                action: capture
                after: [authorize-payment]
            """
        let problems = try #require(failure(of: text))
        #expect(
            problems.map { "\($0.line):\($0.column) \($0.code)" } == [
                "1:7 LINT_NAME", "2:10 LINT_NUMBER", "3:6 LINT_KEY", "4:11 LINT_DURATION",
                "6:5 LINT_COMPENSATION_MISSING", "9:5 LINT_UNKNOWN_KEY", "13:13 LINT_COMMAND_NAME",
                "14:13 LINT_AFTER_UNKNOWN",
            ])
        #expect(
            problems[5].description == """
                test.yaml:9:5: error: unknown key `timout` in step `reserve-stock` [LINT_UNKNOWN_KEY]
                    hint: did you mean `timeout`?
                """)
    }

    @Test func aValueThatYAMLReadsOtherwiseSaysSo() throws {
        let text = "saga: no\nversion: 1\nkey: ~\nsteps: []\n"
        let problems = try #require(failure(of: text))
        #expect(problems[0].message == "YAML reads `no` as a boolean: quote it")
        #expect(problems[1].message == "YAML reads `~` as null: quote it")
    }

    @Test func aDeadlineTooShortSaysTheWorstCase() throws {
        let text = """
            saga: s
            version: 1
            key: ${input.id}
            deadline: 1m
            steps:
              - { name: a, participant: p, action: p.do, compensation: none, timeout: 10s, retry: { attempts: 2 } }
              - { name: b, participant: p, action: p.do, compensation: none, timeout: 20s, retry: { attempts: 3 } }
              - { name: c, after: [a], participant: p, action: p.do, compensation: none, timeout: 1s }
            """
        let problem = try #require(failure(of: text)?.first)
        #expect(problem.code == "LINT_DEADLINE")
        #expect(problem.message.hasSuffix("point of no return, 80800ms"))
        #expect(
            problem.hint
                == "counted: `a`, `b`; give them fewer attempts or shorter timeouts, or allow at least 80800ms")
    }

    @Test func columnsCountCharactersAndLinesOfEitherEnding() throws {
        let text = "# größer\r\nsaga: s\r\n\"kéy\": 1\r\nversion: 1\r\nkey: ${input.id}\r\nsteps: 1\r\n"
        let problems = try #require(failure(of: text))
        #expect(problems.map { "\($0.line):\($0.column)" } == ["3:1", "6:8"])
    }

    @Test func aHostileNameIsShownEscaped() throws {
        let text = "\"\\u001b[31m\": 1\nsaga: s\nversion: 1\nkey: ${input.id}\nsteps: []\n"
        let problems = try #require(failure(of: text))
        #expect(problems[0].description.contains("unknown key `\\u{1b}[31m`"))
    }

    @Test func aFileThatIsNotUTF8SaysWhere() throws {
        let result = DefinitionFile.parse(Array("saga: s\nkey: ".utf8) + [0xFF, 0xFE], file: "test.yaml")
        guard case .failure(let problems) = result else { throw Unexpected() }
        #expect(problems.description.hasPrefix("test.yaml:2:6: error: the file is not UTF-8 from here on"))
    }

    @Test func aFileThatIsTooLargeIsNotRead() throws {
        let result = DefinitionFile.parse(String(repeating: "#", count: 256 * 1024 + 1), file: "test.yaml")
        guard case .failure(let problems) = result else { throw Unexpected() }
        #expect(problems.problems.map(\.code) == ["LINT_FILE_SIZE"])
    }

    @Test(arguments: ["/nonexistent/saga.yaml", "/tmp", "/dev/zero"])
    func whatIsNoFileIsRefused(_ path: String) throws {
        guard case .failure(let problems) = DefinitionFile.load(path: path) else { throw Unexpected() }
        #expect(problems.problems.map(\.code) == ["LINT_FILE"])
        #expect(problems.description.hasPrefix("\(path): error: "))
    }

    private struct Unexpected: Error {}

    private func failure(of text: String) -> [SourceProblem]? {
        switch DefinitionFile.parse(text, file: "test.yaml") {
        case .success: nil
        case .failure(let problems): problems.problems
        }
    }
}
