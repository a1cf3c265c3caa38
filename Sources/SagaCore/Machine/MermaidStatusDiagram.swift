/// Draws which statuses may follow which as a Mermaid state diagram, from the machine's own tables.
package struct MermaidStatusDiagram: Sendable {
    private let edges: [(from: String, to: String)]

    /// The statuses of a saga.
    package static var sagas: MermaidStatusDiagram {
        MermaidStatusDiagram(
            first: SagaStatus.running.rawValue,
            all: SagaStatus.allCases.map { ($0.rawValue, $0.successors.map(\.rawValue)) })
    }

    /// The statuses of a step.
    package static var steps: MermaidStatusDiagram {
        MermaidStatusDiagram(
            first: StepStatus.pending.rawValue,
            all: StepStatus.allCases.map { ($0.rawValue, $0.successors.map(\.rawValue)) })
    }

    private init(first: String, all: [(status: String, successors: [String])]) {
        edges =
            [(Self.end, first)]
            + all.flatMap { status, successors in
                successors.isEmpty ? [(status, Self.end)] : successors.map { (status, $0) }
            }
    }

    /// Where it begins and where it ends, in Mermaid's words.
    private static let end = "[*]"

    /// The diagram, each line ended.
    package var text: String {
        (["stateDiagram-v2"] + edges.map { "    \($0.from) --> \($0.to)" }).map { $0 + "\n" }.joined()
    }
}
