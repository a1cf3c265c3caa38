/// Definitions with something wrong in one field.
enum BrokenFields {
    static let all = heads + steps + templates

    private static let heads = [
        MarkedYAML("root is a list", "«LINT_TYPE»- saga: s\n"),
        MarkedYAML("everything is missing", "«LINT_MISSING_KEY»version: 1\n"),
        MarkedYAML("unknown key", top: "«LINT_UNKNOWN_KEY»deadlin: 5m"),
        MarkedYAML("name in capitals", head: "saga: «LINT_NAME»Place Order\nversion: 1\nkey: ${input.id}"),
        MarkedYAML("name is a boolean", head: "saga: «LINT_YAML_TYPE»no\nversion: 1\nkey: ${input.id}"),
        MarkedYAML("name is a number", head: "saga: «LINT_STRING»12\nversion: 1\nkey: ${input.id}"),
        MarkedYAML("name is a tilde", head: "saga: «LINT_STRING»~\nversion: 1\nkey: ${input.id}"),
        MarkedYAML("name is empty", head: "saga:«LINT_STRING»\nversion: 1\nkey: ${input.id}"),
        MarkedYAML("version zero", head: "saga: s\nversion: «LINT_NUMBER»0\nkey: ${input.id}"),
        MarkedYAML("version negative", head: "saga: s\nversion: «LINT_NUMBER»-1\nkey: ${input.id}"),
        MarkedYAML("version a fraction", head: "saga: s\nversion: «LINT_NUMBER»1.0\nkey: ${input.id}"),
        MarkedYAML("version quoted", head: "saga: s\nversion: «LINT_NUMBER»\"1\"\nkey: ${input.id}"),
        MarkedYAML("version octal", head: "saga: s\nversion: «LINT_YAML_TYPE»0o7\nkey: ${input.id}"),
        MarkedYAML("version with underscore", head: "saga: s\nversion: «LINT_YAML_TYPE»1_000\nkey: ${input.id}"),
        MarkedYAML("no version, no key", "«LINT_MISSING_KEY»saga: s\nsteps: «LINT_STEP_COUNT»[]\n"),
        MarkedYAML("steps are a mapping", "saga: s\nversion: 1\nkey: ${input.id}\nsteps: «LINT_TYPE»{}\n"),
        MarkedYAML("key is a constant", head: "saga: s\nversion: 1\nkey: «LINT_KEY»orders"),
        MarkedYAML("key is the whole input", head: "saga: s\nversion: 1\nkey: «LINT_KEY»${input}"),
        MarkedYAML("key from a step", head: "saga: s\nversion: 1\nkey: «LINT_KEY»${steps.a.id}"),
        MarkedYAML("key is a list", head: "saga: s\nversion: 1\nkey: «LINT_STRING»[a]"),
        MarkedYAML("deadline zero", top: "deadline: «LINT_DURATION»0s"),
        MarkedYAML("deadline over a year", top: "deadline: «LINT_DURATION»366d"),
        MarkedYAML("deadline sexagesimal", top: "deadline: «LINT_YAML_TYPE»12:30"),
        MarkedYAML("event of two words", top: "events: { started: «LINT_EVENT_TYPE»A B }"),
        MarkedYAML("unknown event", top: "events:\n  «LINT_UNKNOWN_KEY»done: A"),
    ]

    private static let steps = [
        MarkedYAML("step is a string", steps: "«LINT_TYPE»reserve-stock"),
        MarkedYAML("step without anything", steps: "«LINT_MISSING_KEY»«LINT_COMPENSATION_MISSING»{ name: a }"),
        MarkedYAML("unknown key in a step", more: "«LINT_UNKNOWN_KEY»timout: 5s"),
        MarkedYAML(
            "action without a dot",
            steps: "{ name: a, participant: p, action: «LINT_COMMAND_NAME»do, compensation: none }"),
        MarkedYAML(
            "action of Skald",
            steps: "{ name: a, participant: p, action: «LINT_COMMAND_NAME»skald.fence, compensation: none }"),
        MarkedYAML(
            "participant with underscore",
            steps: "{ name: a, participant: «LINT_NAME»p_1, action: p.do, compensation: none }"),
        MarkedYAML("unknown kind", steps: "{ name: a, kind: «LINT_CHOICE»pivott, participant: p, action: p.do }"),
        MarkedYAML("duration without unit", more: "timeout: «LINT_DURATION»30"),
        MarkedYAML("duration with unknown unit", more: "timeout: «LINT_DURATION»5sec"),
        MarkedYAML("negative duration", more: "timeout: «LINT_DURATION»-5s"),
        MarkedYAML("no attempt", more: "retry: { attempts: «LINT_NUMBER»0 }"),
        MarkedYAML("too many attempts", more: "retry: { attempts: «LINT_NUMBER»101 }"),
        MarkedYAML("backoff beyond max", more: "retry: { backoff: «LINT_BACKOFF»5s, max: 1s }"),
        MarkedYAML("unknown jitter", more: "retry: { jitter: «LINT_CHOICE»half }"),
        MarkedYAML(
            "attempts on a pivot",
            steps: "{ name: a, kind: pivot, participant: p, action: p.do,"
                + " retry: { «LINT_RETRY_WITHOUT_EFFECT»attempts: 3 } }"),
        MarkedYAML("for without compensation", more: "retry: { «LINT_RETRY_WITHOUT_EFFECT»for: 1h }"),
        MarkedYAML("no compensation", steps: "«LINT_COMPENSATION_MISSING»{ name: a, participant: p, action: p.do }"),
        MarkedYAML(
            "compensation on a pivot",
            steps: "{ name: a, kind: pivot, participant: p, action: p.do,"
                + " «LINT_COMPENSATION_REFUSED»compensation: p.undo }"),
        MarkedYAML(
            "compensation is the action",
            steps: "{ name: a, participant: p, action: p.do, compensation: «LINT_COMPENSATION_REFUSED»p.do }"),
        MarkedYAML(
            "65 steps",
            steps: (1...65).map { number in
                (number == 65 ? "«LINT_STEP_COUNT»" : "")
                    + "{ name: s\(number), participant: p, action: p.do, compensation: none }"
            }.joined(separator: "\n")),
    ]

    private static let templates = [
        MarkedYAML("reference not closed", steps: with("id: «LINT_TEMPLATE»\"${input.id\"")),
        MarkedYAML("reference with spaces", steps: with("id: «LINT_TEMPLATE»\"${ input.id }\"")),
        MarkedYAML("empty reference", steps: with("id: «LINT_TEMPLATE»\"a${}b\"")),
        MarkedYAML("element of a list", steps: with("id: «LINT_TEMPLATE»\"${input.lines.0.sku}\"")),
        MarkedYAML("reference in a key", steps: with("«LINT_TEMPLATE»\"${input.id}\": 1")),
        MarkedYAML("unknown source", steps: with("id: «LINT_REFERENCE_UNKNOWN»\"${inputs.id}\"")),
        MarkedYAML("no step named", steps: with("id: «LINT_TEMPLATE»\"${steps}\"")),
        MarkedYAML("unknown step", steps: with("list: [1, { deep: «LINT_REFERENCE_UNKNOWN»\"${steps.b.id}\" }]")),
        MarkedYAML("its own output", steps: with("id: «LINT_REFERENCE_NOT_DONE»\"${steps.a.id}\"")),
        MarkedYAML("with is a list", more: "with: «LINT_TYPE»[1]"),
        MarkedYAML("boolean in disguise", steps: with("gift: «LINT_YAML_TYPE»yes")),
        MarkedYAML("boolean as a key", steps: with("«LINT_YAML_TYPE»on: 1")),
        MarkedYAML("date in disguise", steps: with("day: «LINT_YAML_TYPE»2026-11-21")),
        MarkedYAML("not a number", steps: with("rate: «LINT_YAML_TYPE».nan")),
    ]

    private static func with(_ members: String) -> String {
        "{ name: a, participant: p, action: p.do, compensation: none, with: { \(members) } }"
    }
}
