import Testing

@testable import SagaCore

@Suite("Reading a definition")
struct DefinitionReaderTests {
    @Test func defaultsAreThoseOfSemantics24And9() throws {
        let definition = try read(steps: [
            ["name": "a", "participant": "p", "action": "p.do", "compensation": "p.undo"],
            ["name": "b", "kind": "pivot", "participant": "p", "action": "p.do"],
            ["name": "c", "kind": "retriable", "participant": "p", "action": "p.do"],
        ])
        let undoable = definition.steps[0]
        #expect(undoable.kind == .compensatable)
        #expect(undoable.timeoutMilliseconds == 30_000)
        #expect(undoable.retry == RetryPolicy())
        #expect(undoable.retry.attempts == 5)
        #expect(undoable.retry.backoffMilliseconds == 200)
        #expect(undoable.retry.maximumBackoffMilliseconds == 30_000)
        #expect(undoable.retry.jitter == .full)
        #expect(undoable.compensationRetry.maximumBackoffMilliseconds == 300_000)
        #expect(undoable.compensationRetry.durationMilliseconds == 24 * 3_600_000)
        for step in definition.steps.dropFirst() {
            #expect(step.compensation == Compensation.none)
            #expect(step.retry.maximumBackoffMilliseconds == 300_000)
            #expect(step.retry.durationMilliseconds == 24 * 3_600_000)
        }
        #expect(definition.steps.map(\.after) == [[], [0], [1]])
        #expect(definition.deadlineMilliseconds == nil)
        #expect(definition.events == EventTypes(stuck: "SAGA_STUCK", abandoned: "SAGA_ABANDONED"))
        #expect(try undoable.input.render(input: [:], output: { _ in nil }) == [:])
    }

    @Test func aWrittenMaximumHoldsForTheCompensationToo() throws {
        var step = Self.step("a")
        step["retry"] = ["backoff": "1s", "max": "2s", "for": "3d", "attempts": 2, "jitter": "none"]
        let policy = RetryPolicy(
            attempts: 2, backoffMilliseconds: 1000, maximumBackoffMilliseconds: 2000,
            durationMilliseconds: 3 * 86_400_000, jitter: .none)
        let definition = try read(steps: [.object(step)])
        #expect(definition.steps[0].retry == policy)
        #expect(definition.steps[0].compensationRetry == policy)
    }

    @Test func aBackoffBeyondTheDefaultMaximumRaisesIt() throws {
        var step = Self.step("a")
        step["retry"] = ["backoff": "1m"]
        let definition = try read(steps: [.object(step)])
        #expect(definition.steps[0].retry.maximumBackoffMilliseconds == 60_000)
        #expect(definition.steps[0].compensationRetry.maximumBackoffMilliseconds == 300_000)
    }

    @Test func theSourceGivesAnEqualDefinitionAfterTheDatabase() throws {
        var second = Self.step("b")
        second["after"] = ["a"]
        second["with"] = ["text": "order ${input.id}", "list": [1, "${steps.a.x}", ["deep": "${input.y.z}"]]]
        let definition = try read(steps: [.object(Self.step("a")), .object(second)])
        for stored in [definition.source.encoded, definition.source.canonical] {
            let again = try #require(DefinitionReader.read(try JSONValue.parse(stored)).definition)
            #expect(again == definition)
            #expect(again.contentHash == definition.contentHash)
            #expect(again.key == definition.key)
            #expect(again.steps.map(\.after) == definition.steps.map(\.after))
            #expect(again.outputReferences == definition.outputReferences)
            #expect(again.source.canonical == definition.source.canonical)
        }
        let same = try #require(DefinitionReader.read(try JSONValue.parse(definition.source.encoded)).definition)
        #expect(same.steps == definition.steps)
    }

    @Test func problemsNameThePath() {
        var step = Self.step("a")
        step["retry"] = ["attempts": 0]
        let problems = DefinitionReader.read(Self.source(steps: [.object(step)])).problems
        #expect(problems.map(\.pathText) == ["steps[0].retry.attempts"])
        #expect(
            problems.map(\.description) == [
                "steps[0].retry.attempts: `attempts` must be an integer from 1 to 100 [LINT_NUMBER]"
            ])
    }

    @Test(arguments: [
        ("timout", "did you mean `timeout`?"), ("Timeout", "did you mean `timeout`?"),
        ("compenstaion", "did you mean `compensation`?"),
        ("xyz", "known: name, kind, after, participant, action, compensation, with, timeout, retry"),
    ])
    func anUnknownKeyGetsTheNearestOne(key: String, hint: String) {
        var step = Self.step("a")
        step[key] = "5s"
        let problems = DefinitionReader.read(Self.source(steps: [.object(step)])).problems
        #expect(problems.map(\.hint) == [hint])
        #expect(problems.first?.place == .key)
    }

    @Test func sixtyFourStepsAreAllowed() throws {
        let definition = try read(steps: (1...64).map { .object(Self.step("s\($0)")) })
        #expect(definition.ancestors[63].count == 63)
        #expect(definition.descendants[0].count == 63)
        #expect(definition.index(ofStep: "s64") == 63)
    }

    /// Rule 13.
    @Test func whatIsMissingInInputAndOutputIsRefused() throws {
        var second = Self.step("b")
        second["with"] = ["a": "${steps.a.x.y}", "b": "no ${input.number}"]
        let definition = try read(steps: [.object(Self.step("a")), .object(second)])
        #expect(throws: Never.self) { try definition.checkInput(["id": 1, "number": 2]) }
        #expect(refusal { () throws(Refusal) in try definition.checkInput(["id": 1]) }?.path == "number")
        let list: JSONValue = ["id": 1, "number": []]
        #expect(refusal { () throws(Refusal) in try definition.checkInput(list) }?.code == .inputMissing)
        #expect(throws: Never.self) { try definition.checkOutput(["x": ["y": nil]], ofStep: 0) }
        let missing = refusal { () throws(Refusal) in try definition.checkOutput(["x": [:]], ofStep: 0) }
        #expect(missing?.code == .outputMissing)
        #expect(missing?.path == "x.y")
        #expect(throws: Never.self) { try definition.checkOutput([:], ofStep: 1) }
    }

    static func step(_ name: String) -> JSONObject {
        JSONObject([
            ("name", .string(name)), ("participant", "p"), ("action", "p.do"), ("compensation", "p.undo"),
        ])
    }

    static func source(steps: [JSONValue]) -> JSONValue {
        ["saga": "s", "version": 1, "key": "${input.id}", "steps": .array(steps)]
    }

    private func read(steps: [JSONValue]) throws -> SagaDefinition {
        let (definition, problems) = DefinitionReader.read(Self.source(steps: steps))
        #expect(problems.isEmpty)
        return try #require(definition)
    }

    private func refusal(_ body: () throws(Refusal) -> Void) -> Refusal? {
        do throws(Refusal) {
            try body()
            return nil
        } catch {
            return error
        }
    }
}
