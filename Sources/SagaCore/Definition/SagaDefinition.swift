/// The names of the events a saga publishes.
package struct EventTypes: Sendable, Hashable {
    /// Published once the start is accepted; nil: not published.
    package let started: String?
    package let completed: String?
    package let compensated: String?
    package let stuck: String?
    package let abandoned: String?

    package init(
        started: String? = nil,
        completed: String? = nil,
        compensated: String? = nil,
        stuck: String? = "SAGA_STUCK",
        abandoned: String? = "SAGA_ABANDONED"
    ) {
        self.started = started
        self.completed = completed
        self.compensated = compensated
        self.stuck = stuck
        self.abandoned = abandoned
    }
}

/// What a saga does: its steps, in which order, and how each is undone.
///
/// Two definitions are equal when their content hashes are. It never changes, and every saga's state refers to it: a
/// class is copied for the price of one reference.
package final class SagaDefinition: Sendable {
    package let name: String
    package let version: Int
    /// The business key, from the input alone: one saga for each key.
    package let key: Template
    /// From acceptance; a saga that is not past the point of no return by then is compensated.
    package let deadlineMilliseconds: Int64?
    package let events: EventTypes
    package let steps: [StepDefinition]
    /// SHA-256, in hex, of the canonical JSON of `source`.
    package let contentHash: String
    /// The definition as it was read; reading it again gives an equal definition.
    package let source: JSONValue

    /// For each step all steps it waits for, directly or not.
    package let ancestors: [StepSet]
    /// For each step all steps that wait for it, directly or not.
    package let descendants: [StepSet]
    /// The index of the pivot.
    package let pivot: Int?
    /// For each step the paths of its output that other steps take values from.
    package let outputReferences: [[[String]]]

    private let indices: [String: Int]
    /// What is taken from the input and from each step's output, and whether it stands inside text.
    private let references: [Reference.Source: [(reference: Reference, insideText: Bool)]]

    /// Precondition: what `DefinitionReader` checks; use it for anything that comes from outside.
    package init(
        name: String,
        version: Int,
        key: Template,
        deadlineMilliseconds: Int64? = nil,
        events: EventTypes = EventTypes(),
        steps: [StepDefinition],
        source: JSONValue
    ) {
        let graph = StepGraph(after: steps.map(\.after))
        precondition(graph.cycles.isEmpty)
        self.name = name
        self.version = version
        self.key = key
        self.deadlineMilliseconds = deadlineMilliseconds
        self.events = events
        self.steps = steps
        self.source = source
        contentHash = SHA256.hex(source.canonical)
        ancestors = graph.ancestors
        descendants = graph.descendants
        pivot = steps.firstIndex { $0.kind == .pivot }
        indices = Dictionary(steps.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })

        var references: [Reference.Source: [(reference: Reference, insideText: Bool)]] = [:]
        for template in [key] + steps.map(\.input) {
            template.forEachReference { references[$0.source, default: []].append(($0, $1)) }
        }
        self.references = references
        outputReferences = steps.indices.map { step in
            (references[.step(step)] ?? []).reduce(into: []) { paths, use in
                if !paths.contains(use.reference.path) { paths.append(use.reference.path) }
            }
        }
    }

    package func index(ofStep name: String) -> Int? {
        indices[name]
    }
}

extension SagaDefinition: Hashable {
    package static func == (left: SagaDefinition, right: SagaDefinition) -> Bool {
        left.contentHash == right.contentHash
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(contentHash)
    }
}

extension SagaDefinition {
    /// Throws `INPUT_MISSING` for the first value that the key or a step takes from the input and cannot have.
    package func checkInput(_ input: JSONValue) throws(Refusal) {
        try check(input, against: .input)
    }

    /// Throws `OUTPUT_MISSING` for the first value that a later step takes from this output and cannot have.
    package func checkOutput(_ output: JSONValue, ofStep step: Int) throws(Refusal) {
        try check(output, against: .step(step))
    }

    private func check(_ value: JSONValue, against source: Reference.Source) throws(Refusal) {
        for (reference, insideText) in references[source] ?? [] {
            let found = try reference.value(in: value)
            if insideText { _ = try reference.text(of: found) }
        }
    }

    /// The longest time the retries before the point of no return can take, and the steps that make it up.
    package var worstCaseBeforePointOfNoReturn: (milliseconds: Int64, steps: [Int]) {
        let undoable = StepSet(steps.indices.filter { steps[$0].kind == .compensatable })
        let critical = StepGraph(after: steps.map(\.after)).criticalPath(over: undoable) { step in
            steps[step].retry.worstCaseMilliseconds(timeoutMilliseconds: steps[step].timeoutMilliseconds)
        }
        return (critical.total, critical.path)
    }
}
