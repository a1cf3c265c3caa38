/// Draws a definition as a Mermaid flowchart.
///
/// Rectangles can be undone (a dotted line leads to what undoes them), the hexagon is the pivot, rounded steps are
/// retriable.
package struct MermaidGraph: Sendable {
    private let definition: SagaDefinition

    package init(of definition: SagaDefinition) {
        self.definition = definition
    }

    /// The flowchart, each line ended.
    package var text: String {
        let steps = definition.steps
        var lines = ["flowchart TD", "    start([\"\(definition.name) \(definition.version)\"])"]
        for (index, step) in steps.enumerated() {
            lines.append("    " + node(index, step))
            if case .command(let command) = step.compensation {
                lines.append("    u\(index)[/\"\(command)\"/]:::undo")
            }
        }
        for (index, step) in steps.enumerated() {
            if step.after.isEmpty { lines.append("    start --> s\(index)") }
            for dependency in step.after {
                lines.append("    s\(dependency) --> s\(index)")
            }
        }
        for (index, step) in steps.enumerated() where step.compensation != .none {
            lines.append("    s\(index) -.-> u\(index)")
        }
        lines.append("    classDef undo stroke-dasharray: 4 4")
        if definition.pivot != nil { lines.append("    classDef pivot stroke-width: 3px") }
        return lines.map { $0 + "\n" }.joined()
    }

    /// Ids of our own, since names such as `end` mean something to Mermaid.
    private func node(_ index: Int, _ step: StepDefinition) -> String {
        let label = "\"\(step.name)<br/>\(step.action)\""
        return switch step.kind {
        case .compensatable: "s\(index)[\(label)]"
        case .pivot: "s\(index){{\(label)}}:::pivot"
        case .retriable: "s\(index)([\(label)])"
        }
    }
}
