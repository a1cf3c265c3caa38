import Testing

@testable import SagaCore

@Suite("Templates")
struct TemplateTests {
    private let input: JSONValue = [
        "id": "4711", "count": 3, "flag": true, "nothing": nil, "list": [1, "two"], "deep": ["er": ["est": -7]],
    ]

    @Test(arguments: [
        ("${input.id}", "\"4711\""), ("${input.count}", "3"), ("${input.flag}", "true"), ("${input.nothing}", "null"),
        ("${input.list}", "[1,\"two\"]"), ("${input.deep}", "{\"er\":{\"est\":-7}}"), ("${input.deep.er.est}", "-7"),
        ("${steps.a.x}", "{\"y\":1.50}"), ("${steps.a}", "{\"x\":{\"y\":1.50}}"), ("${steps.a.x.y}", "1.50"),
    ])
    func aReferenceAloneKeepsTheType(template: String, expected: String) throws {
        #expect(try render(.string(template)).text == expected)
    }

    @Test(arguments: [
        ("order ${input.id}", "order 4711"), ("${input.id}/${input.count}", "4711/3"), ("${input.id}!", "4711!"),
        ("$", "$"), ("$${input.id}", "$4711"), ("} $ {", "} $ {"), ("${input.deep.er.est}%", "-7%"), ("", ""),
    ])
    func insideTextStringsAndIntegersStand(template: String, expected: String) throws {
        #expect(try render(.string(template)) == .string(expected))
    }

    @Test(arguments: ["flag", "nothing", "list", "deep"])
    func insideTextNothingElseStands(_ member: String) throws {
        let refusal = try #require(throws: Refusal.self) { try render(.string("x${input.\(member)}")) }
        #expect(refusal.code == .inputMissing)
        #expect(refusal.path == member)
    }

    @Test func aFractionInsideTextIsRefused() throws {
        let refusal = try #require(throws: Refusal.self) { try render("x${steps.a.x.y}") }
        #expect(refusal.code == .outputMissing)
        #expect(refusal.path == "x.y")
    }

    @Test func whatIsMissingIsNamed() throws {
        let input = try #require(throws: Refusal.self) { try render("${input.deep.er.nope}") }
        #expect(input.code == .inputMissing)
        #expect(input.path == "deep.er.nope")
        let output = try #require(throws: Refusal.self) { try render("${steps.b.x}") }
        #expect(output.code == .outputMissing)
    }

    @Test func holesAreFilledAtAnyDepthAndTheOrderIsKept() throws {
        let template: JSONValue = ["z": [1, ["a": "${input.count}", "b": nil]], "a": "${input.id}", "m": false]
        #expect(try render(template).text == #"{"z":[1,{"a":3,"b":null}],"a":"4711","m":false}"#)
    }

    @Test func aValueIsNotReadAsATemplateAgain() throws {
        var reader = TemplateReader(steps: [])
        let template = reader.template("${input.x}", at: [])
        let value = try template.render(input: ["x": "${input.secret}"], output: { _ in nil })
        #expect(value == "${input.secret}")
    }

    private func render(_ value: JSONValue) throws -> JSONValue {
        var reader = TemplateReader(steps: ["a", "b"])
        let template = reader.template(value, at: [])
        #expect(reader.problems.isEmpty)
        let output = try JSONValue.parse(#"{"x":{"y":1.50}}"#)
        return try template.render(input: input, output: { $0 == 0 ? output : nil })
    }
}
