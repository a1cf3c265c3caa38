/// Definitions whose steps do not fit together.
enum BrokenOrder {
    static let all = [
        MarkedYAML(
            "step named twice",
            steps: undo("a") + "\n{ name: «LINT_STEP_TWICE»a, participant: p, action: p.do, compensation: none }"),
        MarkedYAML("after names nobody", steps: undo("a") + "\n" + undo("b", "[«LINT_AFTER_UNKNOWN»c]")),
        MarkedYAML("after names itself", steps: undo("a", "[«LINT_AFTER_SELF»a]")),
        MarkedYAML("after names one twice", steps: undo("a") + "\n" + undo("b", "[a, «LINT_AFTER_TWICE»a]")),
        MarkedYAML("after is a string", steps: undo("a") + "\n" + undo("b", "«LINT_TYPE»a")),
        MarkedYAML("after holds a number", steps: undo("a", "[«LINT_STRING»1]")),
        MarkedYAML("cycle of two", steps: undo("a", "«LINT_CYCLE»[b]") + "\n" + undo("b", "[a]")),
        MarkedYAML(
            "cycle over the step before",
            steps: undo("a", "«LINT_CYCLE»[c]") + "\n" + undo("b") + "\n" + undo("c")),
        MarkedYAML(
            "two cycles",
            steps: [
                undo("a", "«LINT_CYCLE»[b]"), undo("b", "[a]"),
                undo("c", "«LINT_CYCLE»[d]"), undo("d", "[c]"), undo("e"),
            ].joined(separator: "\n")),
        MarkedYAML(
            "two pivots",
            steps: step("a", "pivot") + "\n{ name: b, kind: «LINT_PIVOT_TWICE»pivot, participant: p, action: p.do }"),
        MarkedYAML("fallible after the pivot", steps: step("a", "pivot") + "\n«LINT_FALLIBLE_AFTER_PIVOT»" + undo("b")),
        MarkedYAML(
            "fallible beside the pivot",
            steps: step("a", "pivot") + "\n«LINT_FALLIBLE_BESIDE_PIVOT»" + undo("b", "[]")),
        MarkedYAML(
            "retriable before the pivot",
            steps: "«LINT_RETRIABLE_BEFORE_PIVOT»" + step("a", "retriable") + "\n" + step("b", "pivot")),
        MarkedYAML(
            "retriable beside the pivot",
            steps: step("a", "pivot")
                + "\n«LINT_RETRIABLE_BEFORE_PIVOT»{ name: b, kind: retriable, after: [], participant: p, action: p.do }"
        ),
        MarkedYAML(
            "retriable first, no pivot",
            steps: "«LINT_RETRIABLE_NOT_LAST»" + step("a", "retriable") + "\n" + undo("b")),
        MarkedYAML("reference to a later step", steps: refers("a", to: "b") + "\n" + undo("b")),
        MarkedYAML("reference to a step beside", steps: undo("a", "[]") + "\n" + refers("b", to: "a", "[]")),
        MarkedYAML(
            "deadline one millisecond short",
            "saga: s\nversion: 1\nkey: ${input.id}\ndeadline: «LINT_DEADLINE»3299ms\nsteps:\n"
                + "  - { name: a, participant: p, action: p.do, compensation: none, timeout: 1s,"
                + " retry: { attempts: 3, backoff: 100ms } }\n"),
    ]

    static func undo(_ name: String, _ after: String? = nil) -> String {
        let after = after.map { "after: \($0), " } ?? ""
        return "{ name: \(name), \(after)participant: p, action: p.do, compensation: p.undo }"
    }

    static func step(_ name: String, _ kind: String) -> String {
        "{ name: \(name), kind: \(kind), participant: p, action: p.do }"
    }

    private static func refers(_ name: String, to other: String, _ after: String? = nil) -> String {
        let after = after.map { "after: \($0), " } ?? ""
        return "{ name: \(name), \(after)participant: p, action: p.do, compensation: none,"
            + " with: { x: «LINT_REFERENCE_NOT_DONE»\"${steps.\(other).x}\" } }"
    }
}
