import SagaCore
import Testing

@Suite("Drawing a definition")
struct MermaidGraphTests {
    @Test func kindsOrderAndCompensations() throws {
        let source: JSONValue = [
            "saga": "buy", "version": 2, "key": "${input.id}",
            "steps": [
                ["name": "a", "participant": "p", "action": "p.a", "compensation": "p.undo-a"],
                ["name": "b", "after": [], "participant": "p", "action": "p.b", "compensation": "none"],
                ["name": "end", "kind": "pivot", "after": ["a", "b"], "participant": "p", "action": "p.c"],
                ["name": "d", "kind": "retriable", "participant": "p", "action": "p.d"],
            ],
        ]
        let definition = try #require(DefinitionReader.read(source).definition)
        #expect(
            MermaidGraph(of: definition).text == """
                flowchart TD
                    start(["buy 2"])
                    s0["a<br/>p.a"]
                    u0[/"p.undo-a"/]:::undo
                    s1["b<br/>p.b"]
                    s2{{"end<br/>p.c"}}:::pivot
                    s3(["d<br/>p.d"])
                    start --> s0
                    start --> s1
                    s0 --> s2
                    s1 --> s2
                    s2 --> s3
                    s0 -.-> u0
                    classDef undo stroke-dasharray: 4 4
                    classDef pivot stroke-width: 3px

                """)
    }
}
