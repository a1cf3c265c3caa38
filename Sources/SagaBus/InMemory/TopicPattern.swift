/// A topic exchange's binding key: words between dots, where `*` stands for one word and `#` for any number.
struct TopicPattern: Hashable {
    private let words: [Substring]

    init(_ bindingKey: String) {
        words = Self.split(bindingKey)
    }

    func matches(_ routingKey: String) -> Bool {
        Self.matches(words[...], Self.split(routingKey)[...])
    }

    private static func split(_ key: String) -> [Substring] {
        key.isEmpty ? [] : key.split(separator: ".", omittingEmptySubsequences: false)
    }

    private static func matches(_ pattern: ArraySlice<Substring>, _ key: ArraySlice<Substring>) -> Bool {
        guard let first = pattern.first else { return key.isEmpty }
        let rest = pattern.dropFirst()
        if first == "#" {
            return matches(rest, key) || (!key.isEmpty && matches(pattern, key.dropFirst()))
        }
        guard let word = key.first, first == "*" || first == word else { return false }
        return matches(rest, key.dropFirst())
    }
}
