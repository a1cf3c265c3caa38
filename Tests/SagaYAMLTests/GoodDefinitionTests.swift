import SagaCore
import SagaYAML
import Testing

@Suite("Good definitions")
struct GoodDefinitionTests {
    @Test func theSameDefinitionInAnotherStyleHasTheSameContentHash() throws {
        let block = """
            # a comment
            saga: s
            version: 1
            key: ${input.id}
            steps:
              - name: a
                participant: p
                action: p.do
                compensation: none
                with:
                  id: ${input.id}
                  count: 1
            """
        let flow = """
            ---
            { "version": 1, 'saga': s, "key": "${input.id}", "steps": [ { "compensation": "none", "action": "p.do",
              "name": "a", "participant": "p", "with": { "count": 1, "id": "${input.id}" } } ] }
            """
        let first = try DefinitionFile.parse(block, file: "block.yaml").get()
        let second = try DefinitionFile.parse(flow, file: "flow.yaml").get()
        #expect(first.contentHash == second.contentHash)
        #expect(first == second)
    }

    @Test func anotherValueGivesAnotherContentHash() throws {
        let text = """
            saga: s
            version: 1
            key: ${input.id}
            steps: [{ name: a, participant: p, action: p.do, compensation: none }]
            """
        let first = try DefinitionFile.parse(text, file: "s.yaml").get()
        let second = try DefinitionFile.parse(text.replacing("p.do", with: "p.does"), file: "s.yaml").get()
        #expect(first != second)
    }

    /// Characters that mean something elsewhere in YAML are text inside scalars and comments.
    @Test(arguments: [
        "a: \"&x *y !z [ {\"",
        "a: 'it''s *not* an alias, & so on'",
        "a: R&D *stars* wow!",
        "a: one\n      two &three\n      *four",
        "a: |\n      &x\n      *y\n\n       !z\n    b: 1",
        "a: >-\n      [ { *y\n    b: [1, x*y, \"}\", 'z'] # *comment &here",
        "a: {b: c&d, e: [f!g, \"h\\\"*i\"]}",
        "a: b #&c\n    # *d\n    e: f",
        "- x\n    - - \"*y\"\n      - z",
        "? \"a\"\n    : |\n       *b",
    ])
    func indicatorsInsideScalarsAreText(_ members: String) throws {
        let text = """
            saga: s
            version: 1
            key: ${input.id}
            steps:
              - name: a
                participant: p
                action: p.do
                compensation: none
                with:
                  more:

            """
        let indented = "        " + members.replacing("\n", with: "\n    ")
        let result = DefinitionFile.parse(text + indented + "\n", file: "s.yaml")
        #expect(throws: Never.self) { try result.get() }
    }

    @Test func valuesKeepTheirTypes() throws {
        let text = """
            saga: s
            version: 1
            key: eu-${input.id}
            steps:
              - name: a
                participant: p
                action: p.do
                compensation: none
                with: { t: true, f: false, n: null, i: -7, d: 0.10, e: 1e3, s: "1", w: word, time: "12:30", y: "yes" }
            """
        let definition = try DefinitionFile.parse(text, file: "s.yaml").get()
        let body = try definition.steps[0].input.render(input: [:], output: { _ in nil })
        let expected =
            #"{"t":true,"f":false,"n":null,"i":-7,"d":0.10,"e":1e3,"s":"1","w":"word","time":"12:30","y":"yes"}"#
        #expect(body.text == expected)
    }
}
