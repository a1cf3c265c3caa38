/// A step as far as it could be read; what is nil was wrong and is reported.
struct StepDraft {
    let path: [PathPart]
    var name: String?
    var participant: String?
    var kind: StepKind?
    var action: String?
    var compensation: Compensation?
    var after: StepSet?
    /// Where a problem with the step's place among the others is shown.
    var afterPath: [PathPart]
    var input: Template?
    var stepReferences: [TemplateReader.StepReference] = []
    var timeoutMilliseconds: Int64?
    var retry: RetryPolicy?
    var compensationRetry: RetryPolicy?

    var definition: StepDefinition? {
        guard let name, let participant, let kind, let action, let compensation, let after, let input,
            let timeoutMilliseconds, let retry, let compensationRetry
        else { return nil }
        return StepDefinition(
            name: name, participant: participant, kind: kind, action: action, compensation: compensation, after: after,
            input: input, timeoutMilliseconds: timeoutMilliseconds, retry: retry, compensationRetry: compensationRetry)
    }
}

extension DefinitionReader {
    mutating func stepDrafts(in fields: Fields) -> [StepDraft] {
        let path = fields.path("steps")
        guard let value = fields.object["steps"] else {
            reportMissing("steps", in: fields)
            return []
        }
        guard let elements = value.array else {
            report(.type, at: path, "`steps` must be a list, not \(value.typeName)")
            return []
        }
        guard !elements.isEmpty else {
            report(.stepCount, at: path, "a saga has at least one step")
            return []
        }
        if elements.count > StepSet.capacity {
            report(
                .stepCount, at: path + [.index(StepSet.capacity)],
                "a saga has at most \(StepSet.capacity) steps, this one has \(elements.count)",
                hint: "let one participant do several things in one step, or start another saga")
        }
        let names = elements.map { $0["name"]?.string }
        reportStepsNamedTwice(names, at: path)
        return elements.prefix(StepSet.capacity).enumerated().map { index, element in
            stepDraft(element, index: index, names: names, at: path + [.index(index)])
        }
    }

    private mutating func reportStepsNamedTwice(_ names: [String?], at path: [PathPart]) {
        for (index, name) in names.enumerated() {
            guard let name, let first = names.firstIndex(of: name), first < index else { continue }
            report(
                .stepTwice, at: path + [.index(index), .key("name")], "there are two steps `\(name)`",
                hint: "the other one is step \(first + 1); replies and references name steps")
        }
    }

    private mutating func stepDraft(
        _ value: JSONValue, index: Int, names: [String?], at path: [PathPart]
    ) -> StepDraft {
        let name = names[index]
        let what = name.map { "step `\($0)`" } ?? "step \(index + 1)"
        var draft = StepDraft(path: path, afterPath: path)
        guard let fields = fields(value, at: path, known: DefinitionKeys.step, what: what) else { return draft }
        draft.name = requiredName("name", in: fields)
        draft.participant = requiredName("participant", in: fields)
        draft.kind = choice("kind", in: fields, default: StepKind.compensatable)
        if fields.object["action"] == nil { reportMissing("action", in: fields) }
        draft.action = commandName("action", in: fields)
        draft.compensation = compensation(of: draft, in: fields)
        draft.timeoutMilliseconds =
            fields.object["timeout"] == nil
            ? StepDefinition.defaultTimeoutMilliseconds : duration("timeout", in: fields)
        readRetry(into: &draft, in: fields)
        readInput(into: &draft, names: names, in: fields)
        readAfter(into: &draft, index: index, names: names, in: fields)
        return draft
    }

    private mutating func compensation(of draft: StepDraft, in fields: Fields) -> Compensation? {
        let path = fields.path("compensation")
        let isNone = fields.object["compensation"]?.string == "none"
        switch draft.kind {
        case .compensatable:
            if isNone { return Compensation.none }
            guard fields.object["compensation"] != nil else {
                reportMissingCompensation(in: fields)
                return nil
            }
            guard let command = commandName("compensation", in: fields) else { return nil }
            guard command != draft.action else {
                report(.compensationRefused, at: path, "the compensation is the action itself")
                return nil
            }
            return .command(command)
        case .pivot, .retriable:
            guard fields.object["compensation"] == nil || isNone else {
                let kind = draft.kind == .pivot ? "pivot" : "retriable step"
                report(
                    .compensationRefused, at: path, place: .key, "a \(kind) is never undone and has no compensation",
                    hint: "remove it, or make the step compensatable and put it before the pivot")
                return nil
            }
            return Compensation.none
        case nil:
            return nil
        }
    }

    private mutating func reportMissingCompensation(in fields: Fields) {
        report(
            .compensationMissing, at: fields.path, "\(fields.what) can be undone but has no `compensation`",
            hint: "name the command that undoes it, or write `compensation: none` if its effect may stay")
    }

    private mutating func readRetry(into draft: inout StepDraft, in step: Fields) {
        guard let kind = draft.kind else { return }
        let isCounted = kind == .compensatable
        let actionMaximum = isCounted ? RetryPolicy.defaultMaximumForAttempts : RetryPolicy.defaultMaximumForDuration
        guard let value = step.object["retry"] else {
            draft.retry = RetryPolicy(maximumBackoffMilliseconds: actionMaximum)
            draft.compensationRetry = RetryPolicy(maximumBackoffMilliseconds: RetryPolicy.defaultMaximumForDuration)
            return
        }
        let before = problems.count
        let path = step.path("retry")
        guard let fields = fields(value, at: path, known: DefinitionKeys.retry, what: "`retry`") else { return }
        let attempts = integer("attempts", in: fields, range: 1...100) ?? RetryPolicy.defaultAttempts
        let written = duration("backoff", in: fields)
        let backoff = written ?? RetryPolicy.defaultBackoffMilliseconds
        let maximum = duration("max", in: fields)
        let total = duration("for", in: fields) ?? RetryPolicy.defaultDurationMilliseconds
        let jitter = choice("jitter", in: fields, default: RetryPolicy.Jitter.full)
        if let written, let maximum, written > maximum {
            report(
                .backoff, at: fields.path("backoff"), "`backoff` is longer than `max`",
                hint: "`backoff` is the first pause, which doubles up to `max`")
        }
        reportRetryWithoutEffect(in: fields, draft)
        guard problems.count == before, let jitter else { return }
        func policy(defaultMaximum: Int64) -> RetryPolicy {
            RetryPolicy(
                attempts: attempts, backoffMilliseconds: backoff,
                maximumBackoffMilliseconds: maximum ?? max(backoff, defaultMaximum), durationMilliseconds: total,
                jitter: jitter)
        }
        draft.retry = policy(defaultMaximum: actionMaximum)
        draft.compensationRetry = policy(defaultMaximum: RetryPolicy.defaultMaximumForDuration)
    }

    private mutating func reportRetryWithoutEffect(in fields: Fields, _ draft: StepDraft) {
        if draft.kind != .compensatable, fields.object["attempts"] != nil {
            report(
                .retryWithoutEffect, at: fields.path("attempts"), place: .key,
                "a step that must succeed is retried for a time, not a number of attempts",
                hint: "write `for: 24h` instead")
        }
        if draft.kind == .compensatable, draft.compensation == Compensation.none, fields.object["for"] != nil {
            report(
                .retryWithoutEffect, at: fields.path("for"), place: .key,
                "`for` limits the compensation, and the step has none", hint: "write `attempts` to limit the action")
        }
    }

    private mutating func readInput(into draft: inout StepDraft, names: [String?], in fields: Fields) {
        guard let value = fields.object["with"] else {
            draft.input = .literal(.object(JSONObject()))
            return
        }
        let path = fields.path("with")
        guard value.object != nil else {
            report(
                .type, at: path, "`with` must be a mapping, not \(value.typeName)",
                hint: "for example `with: { orderId: \"${input.orderId}\" }`")
            return
        }
        var reader = TemplateReader(steps: names)
        let template = reader.template(value, at: path)
        problems += reader.problems
        draft.stepReferences = reader.stepReferences
        if reader.problems.isEmpty { draft.input = template }
    }

    private mutating func readAfter(into draft: inout StepDraft, index: Int, names: [String?], in fields: Fields) {
        guard let value = fields.object["after"] else {
            draft.after = index == 0 ? [] : [index - 1]
            return
        }
        let path = fields.path("after")
        draft.afterPath = path
        guard let elements = value.array else {
            let hint = value.string.map { "write `after: [\($0)]`" }
            report(.type, at: path, "`after` must be a list of steps, not \(value.typeName)", hint: hint)
            return
        }
        let before = problems.count
        var after: StepSet = []
        for (position, element) in elements.enumerated() {
            let path = path + [.index(position)]
            guard let name = string(element, at: path, what: "the name of a step") else { continue }
            guard let dependency = names.firstIndex(of: name) else {
                report(
                    .afterUnknown, at: path, "there is no step `\(name)`",
                    hint: NearestMatch.hint(for: name, among: names.compactMap { $0 }, noun: "step"))
                continue
            }
            guard dependency != index else {
                report(.afterSelf, at: path, "a step cannot wait for itself")
                continue
            }
            guard dependency < StepSet.capacity else { continue }
            if !after.insert(dependency).inserted {
                report(.afterTwice, at: path, "`\(name)` is named twice")
            }
        }
        if problems.count == before { draft.after = after }
    }
}
