/// Texts that YAML, or what Skald takes of it, refuses.
enum BrokenYAML {
    static let all = [
        MarkedYAML("empty", "«LINT_FILE_EMPTY»"),
        MarkedYAML("a comment alone", "«LINT_FILE_EMPTY»# saga: s\n"),
        MarkedYAML("syntax", "saga: s\nversion: 1«LINT_YAML_SYNTAX»: 2\n"),
        MarkedYAML("tab", "saga: s\n«LINT_YAML_SYNTAX»\tversion: 1\n"),
        MarkedYAML("reference without quotes in braces", "saga: s\nkey: { a: $«LINT_YAML_SYNTAX»{input.id} }\n"),
        MarkedYAML("quote not closed", "saga: \"s\n«LINT_YAML_SYNTAX»"),
        MarkedYAML("anchor and alias", "saga: «LINT_YAML_ANCHOR»&a s\nkey: «LINT_YAML_ALIAS»*a\n"),
        MarkedYAML(
            "alias bomb in keys",
            "a: «LINT_YAML_ANCHOR»&a { x: x }\n"
                + String(
                    repeating: "b: «LINT_YAML_ANCHOR»&a { ? [«LINT_YAML_ALIAS»*a, «LINT_YAML_ALIAS»*a] : x }\n",
                    count: 40)),
        MarkedYAML("merge key", top: "«LINT_YAML_ALIAS»<<: { deadline: 5m }"),
        MarkedYAML("tag", "saga: «LINT_YAML_TAG»!!str s\nlist:\n  - «LINT_YAML_TAG»!x 1\n"),
        MarkedYAML("two documents", "saga: s\n«LINT_YAML_DOCUMENTS»---\nsaga: t\n"),
        MarkedYAML("duplicate key", top: "«LINT_YAML_DUPLICATE_KEY»saga: t"),
        MarkedYAML(
            "duplicate keys in several mappings",
            steps: "{ name: a, participant: p, «LINT_YAML_DUPLICATE_KEY»\"name\": a, action: p.do,"
                + " compensation: none }\n"
                + "{ name: b, 'timeout': 1s, participant: p, «LINT_YAML_DUPLICATE_KEY»timeout: 2s, action: p.do,"
                + " compensation: none, «LINT_YAML_DUPLICATE_KEY»timeout: 3s }"),
        MarkedYAML("a list as a key", top: "? «LINT_YAML_KEY»[a]\n: 1"),
        MarkedYAML(
            "deep",
            more: "with: { x: " + String(repeating: "[", count: 28) + "«LINT_YAML_DEPTH»[]"
                + String(repeating: "]", count: 28) + " }"),
        MarkedYAML("an invisible character", "saga: s«LINT_FILE_ENCODING»\u{202E}\n"),
        MarkedYAML("a zero byte", "saga: s\nkey: «LINT_FILE_ENCODING»\0\n"),
        MarkedYAML("a byte order mark", "«LINT_FILE_ENCODING»\u{FEFF}saga: s\n"),
        MarkedYAML("a zero byte written as an escape", more: "with: { x: «LINT_FILE_ENCODING»\"a\\0b\" }"),
        MarkedYAML("a zero byte written as U+0000", more: "with: { x: [«LINT_FILE_ENCODING»\"\\u0000\"] }"),
        MarkedYAML("a zero byte in a key", more: "with: { «LINT_FILE_ENCODING»\"a\\x00\": 1 }"),
        MarkedYAML("half a surrogate pair", more: "with: { x: \"\\u«LINT_YAML_SYNTAX»d800\" }"),
        MarkedYAML("not a number", more: "with: { x: «LINT_YAML_TYPE».nan }"),
        MarkedYAML("beyond a double", more: "with: { x: «LINT_YAML_TYPE»1e400 }"),
    ]
}
