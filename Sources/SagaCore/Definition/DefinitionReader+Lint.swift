extension DefinitionReader {
    /// Reports what is wrong between the steps, as far as they could be read.
    mutating func lint(_ drafts: [StepDraft], deadline: Int64?, deadlinePath: [PathPart]) {
        let pivots = drafts.indices.filter { drafts[$0].kind == .pivot }
        for second in pivots.dropFirst() {
            report(
                .pivotTwice, at: drafts[second].path + [.key("kind")], "a saga has at most one pivot",
                hint: "\(label(drafts, pivots[0])) is one already")
        }
        let after = drafts.compactMap(\.after)
        guard after.count == drafts.count, !problems.contains(where: { $0.code == .stepTwice || $0.code == .stepCount })
        else { return }
        let graph = StepGraph(after: after)
        let cycles = graph.cycles
        for cycle in cycles {
            let way = (cycle + cycle.prefix(1)).map { label(drafts, $0) }.joined(separator: " → ")
            report(
                .cycle, at: drafts[cycle[0]].afterPath, "these steps wait for each other: \(way)",
                hint: "each step runs after the ones it points to")
        }
        guard cycles.isEmpty else { return }
        lintReferences(drafts, graph)
        guard drafts.allSatisfy({ $0.kind != nil }), pivots.count <= 1 else { return }
        if let pivot = pivots.first {
            lintAround(pivot, drafts, graph)
        } else {
            lintWithoutPivot(drafts, graph)
        }
        if let deadline { lintDeadline(deadline, at: deadlinePath, drafts, graph) }
    }

    private mutating func lintReferences(_ drafts: [StepDraft], _ graph: StepGraph) {
        for (step, draft) in drafts.enumerated() {
            for reference in draft.stepReferences where !graph.ancestors[step].contains(reference.step) {
                let other = label(drafts, reference.step)
                if reference.step == step {
                    report(.referenceNotDone, at: reference.path, "`\(reference.text)` is the step's own output")
                } else if graph.descendants[step].contains(reference.step) {
                    report(
                        .referenceNotDone, at: reference.path,
                        "`\(reference.text)`: \(other) runs later, it has no output yet")
                } else {
                    report(
                        .referenceNotDone, at: reference.path,
                        "`\(reference.text)`: \(other) runs beside this step and need not be done",
                        hint: "name it in `after`")
                }
            }
        }
    }

    /// Rule 6: every compensatable step is an ancestor of the pivot, every retriable one a descendant.
    private mutating func lintAround(_ pivot: Int, _ drafts: [StepDraft], _ graph: StepGraph) {
        let name = label(drafts, pivot)
        for (step, draft) in drafts.enumerated() where step != pivot {
            let isBefore = graph.ancestors[pivot].contains(step)
            let isAfter = graph.descendants[pivot].contains(step)
            switch draft.kind {
            case .compensatable where isAfter:
                report(
                    .fallibleAfterPivot, at: draft.path,
                    "\(label(drafts, step)) runs after the pivot \(name), where nothing may fail any more",
                    hint: "make it `kind: retriable` if it must succeed, or put it before the pivot")
            case .compensatable where !isBefore:
                report(
                    .fallibleBesidePivot, at: draft.path,
                    "\(label(drafts, step)) runs beside the pivot \(name) and could fail after it",
                    hint: "let the pivot wait for it: name it in the pivot's `after`")
            case .retriable where !isAfter:
                report(
                    .retriableBeforePivot, at: draft.path,
                    "\(label(drafts, step)) is retriable, cannot be undone, and does not wait for the pivot \(name)",
                    hint: "put it after the pivot, or give it a compensation")
            case .compensatable, .retriable, .pivot, nil:
                break
            }
        }
    }

    /// Rule 6: without a pivot retriable steps follow all others.
    private mutating func lintWithoutPivot(_ drafts: [StepDraft], _ graph: StepGraph) {
        let undoable = StepSet(drafts.indices.filter { drafts[$0].kind == .compensatable })
        for (step, draft) in drafts.enumerated() where draft.kind == .retriable {
            let missing = undoable.subtracting(graph.ancestors[step])
            guard !missing.isEmpty else { continue }
            let names = missing.map { label(drafts, $0) }.joined(separator: ", ")
            report(
                .retriableNotLast, at: draft.path,
                "\(label(drafts, step)) is retriable and does not wait for \(names)",
                hint: "without a pivot, retriable steps follow all that can still fail")
        }
    }

    private mutating func lintDeadline(
        _ deadline: Int64, at path: [PathPart], _ drafts: [StepDraft], _ graph: StepGraph
    ) {
        let undoable = StepSet(drafts.indices.filter { drafts[$0].kind == .compensatable })
        guard undoable.allSatisfy({ drafts[$0].retry != nil && drafts[$0].timeoutMilliseconds != nil }) else { return }
        let critical = graph.criticalPath(over: undoable) { step in
            let timeout = drafts[step].timeoutMilliseconds ?? 0
            return drafts[step].retry?.worstCaseMilliseconds(timeoutMilliseconds: timeout) ?? 0
        }
        guard deadline < critical.total else { return }
        let steps = critical.path.map { label(drafts, $0) }.joined(separator: ", ")
        let worst = DurationText.text(milliseconds: critical.total)
        report(
            .deadline, at: path,
            "the deadline is shorter than the worst case of the retries before the point of no return, \(worst)",
            hint: "counted: \(steps); give them fewer attempts or shorter timeouts, or allow at least \(worst)")
    }

    private func label(_ drafts: [StepDraft], _ step: Int) -> String {
        drafts[step].name.map { "`\($0)`" } ?? "step \(step + 1)"
    }
}
