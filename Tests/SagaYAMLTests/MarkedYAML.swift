import SagaYAML
import Testing

/// A YAML text in which `«CODE»` stands right before the place where that problem must be found.
struct MarkedYAML: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let expected: Set<Found>

    struct Found: Hashable, Sendable, CustomStringConvertible {
        let line: Int
        let column: Int
        let code: String

        var description: String { "\(line):\(column) \(code)" }
    }

    init(_ name: String, _ marked: String) {
        self.name = name
        var text = ""
        var expected: Set<Found> = []
        var (line, column) = (1, 1)
        var code: String?
        for scalar in marked.unicodeScalars {
            switch (scalar, code) {
            case ("«", nil):
                code = ""
            case ("»", let found?):
                expected.insert(Found(line: line, column: column, code: found))
                code = nil
            case (_, let found?):
                code = found + String(scalar)
            case (_, nil):
                text.unicodeScalars.append(scalar)
                (line, column) = scalar == "\n" ? (line + 1, 1) : (line, column + 1)
            }
        }
        self.text = text
        self.expected = expected
    }

    /// A definition whose steps, one a line in the flow style, are `steps`.
    init(_ name: String, steps: String) {
        let indented = steps.split(separator: "\n").map { "  - \($0)\n" }.joined()
        self.init(name, "saga: s\nversion: 1\nkey: ${input.id}\nsteps:\n" + indented)
    }

    /// A definition with one good step that begins with `head`.
    init(_ name: String, head: String) {
        self.init(
            name,
            head + "\nsteps:\n  - { name: a, participant: p, action: p.do, compensation: p.undo }\n")
    }

    /// A definition with one good step and `top` at its top level.
    init(_ name: String, top: String) {
        self.init(name, head: "saga: s\nversion: 1\nkey: ${input.id}\n" + top)
    }

    /// A definition with one step that also holds `more`.
    init(_ name: String, more: String) {
        self.init(name, steps: "{ name: a, participant: p, action: p.do, compensation: none, \(more) }")
    }

    var testDescription: String { name }

    func found() -> Set<Found> {
        switch DefinitionFile.parse(text, file: "test.yaml") {
        case .success: []
        case .failure(let problems):
            Set(problems.problems.map { Found(line: $0.line, column: $0.column, code: $0.code) })
        }
    }
}
