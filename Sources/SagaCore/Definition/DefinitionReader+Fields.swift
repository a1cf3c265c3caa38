extension DefinitionReader {
    /// The members of one mapping of a definition, with the place it has there.
    struct Fields {
        let object: JSONObject
        let path: [PathPart]
        /// What the mapping is called in messages, e.g. `step \`reserve-stock\``.
        let what: String

        func path(_ key: String) -> [PathPart] {
            path + [.key(key)]
        }
    }

    mutating func report(
        _ code: DefinitionProblem.Code, at path: [PathPart], place: DefinitionProblem.Place = .value,
        _ message: String, hint: String? = nil
    ) {
        problems.append(DefinitionProblem(code, at: path, place: place, message, hint: hint))
    }

    /// The mapping at `path`; keys it may not hold are problems.
    mutating func fields(_ value: JSONValue, at path: [PathPart], known: [String], what: String) -> Fields? {
        guard let object = value.object else {
            report(.type, at: path, "\(what) must be a mapping, not \(value.typeName)")
            return nil
        }
        for key in object.keys where !known.contains(key) {
            report(
                .unknownKey, at: path + [.key(key)], place: .key, "unknown key `\(key)` in \(what)",
                hint: NearestMatch.hint(for: key, among: known, noun: "key"))
        }
        return Fields(object: object, path: path, what: what)
    }

    /// The string at `key`, nil where it is absent or reported.
    mutating func string(_ key: String, in fields: Fields) -> String? {
        guard let value = fields.object[key] else { return nil }
        return string(value, at: fields.path(key), what: "`\(key)`")
    }

    mutating func string(_ value: JSONValue, at path: [PathPart], what: String) -> String? {
        guard let string = value.string else {
            report(.string, at: path, "\(what) must be a string, not \(value.typeName)")
            return nil
        }
        return string
    }

    mutating func requiredString(_ key: String, in fields: Fields) -> String? {
        if fields.object[key] == nil { reportMissing(key, in: fields) }
        return string(key, in: fields)
    }

    mutating func reportMissing(_ key: String, in fields: Fields, hint: String? = nil) {
        report(.missingKey, at: fields.path, "\(fields.what) has no `\(key)`", hint: hint)
    }

    /// A name of a saga, step or participant: `[a-z][a-z0-9-]{0,63}`.
    mutating func requiredName(_ key: String, in fields: Fields) -> String? {
        guard let text = requiredString(key, in: fields) else { return nil }
        guard Name.isValid(text) else {
            report(
                .name, at: fields.path(key),
                "`\(key)` must begin with a lower-case letter and hold up to 64 of a-z, 0-9, -",
                hint: Self.nearestName(to: text).map { "for example `\($0)`" })
            return nil
        }
        return text
    }

    private static func nearestName(to text: String) -> String? {
        var name = ""
        for scalar in text.lowercased().unicodeScalars where name.utf8.count < 64 {
            switch scalar {
            case "a"..."z": name.unicodeScalars.append(scalar)
            case "0"..."9" where !name.isEmpty: name.unicodeScalars.append(scalar)
            case "-", "_", " ", ".": if !name.isEmpty, name.last != "-" { name += "-" }
            default: break
            }
        }
        while name.last == "-" { name.removeLast() }
        return Name.isValid(name) ? name : nil
    }

    /// A command of a participant, e.g. `inventory.reserve`.
    mutating func commandName(_ key: String, in fields: Fields) -> String? {
        guard let text = string(key, in: fields) else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 2, text.utf8.count <= 128, parts.allSatisfy({ Name.isValid(String($0)) }) else {
            report(
                .commandName, at: fields.path(key), "`\(key)` must be names joined by dots, e.g. `inventory.reserve`",
                hint: "each name begins with a lower-case letter and holds a-z, 0-9, -")
            return nil
        }
        guard parts[0] != "skald" else {
            report(
                .commandName, at: fields.path(key), "commands that begin with `skald.` belong to Skald itself",
                hint: "name it after the participant, e.g. `inventory.reserve`")
            return nil
        }
        return text
    }

    /// One of a closed set of words.
    mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String, in fields: Fields, default: Choice
    ) -> Choice? {
        guard fields.object[key] != nil else { return `default` }
        guard let text = string(key, in: fields) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map(\.rawValue)
            report(
                .choice, at: fields.path(key), "`\(text)` is no \(key): it is one of \(known.joined(separator: ", "))",
                hint: NearestMatch.nearest(to: text, among: known).map { "did you mean `\($0)`?" })
            return nil
        }
        return choice
    }

    /// A whole number written in plain digits.
    mutating func integer(_ key: String, in fields: Fields, range: ClosedRange<Int64>) -> Int? {
        guard let value = fields.object[key] else { return nil }
        guard let number = value.int64, range.contains(number) else {
            let bounds =
                range.upperBound > 1_000_000
                ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
            let isText = value.string != nil
            report(
                .number, at: fields.path(key), "`\(key)` must be an integer \(bounds)",
                hint: isText ? "write it without quotes, in plain digits" : nil)
            return nil
        }
        return Int(number)
    }

    /// A positive duration in milliseconds, nil where it is absent or reported.
    mutating func duration(_ key: String, in fields: Fields) -> Int64? {
        guard let value = fields.object[key] else { return nil }
        let path = fields.path(key)
        guard let text = value.string else {
            let hint = value.int64.map { "write the unit, for example `\($0)s`" }
            report(.duration, at: path, "`\(key)` must be a duration, not \(value.typeName)", hint: hint)
            return nil
        }
        guard let milliseconds = DurationText.parse(text) else {
            report(
                .duration, at: path, "`\(key)` must be a duration: digits and one of ms, s, m, h, d",
                hint: "for example `200ms`, `5s`, `15m`, `24h`")
            return nil
        }
        guard milliseconds > 0 else {
            report(.duration, at: path, "`\(key)` must be longer than nothing")
            return nil
        }
        guard milliseconds <= Self.longestDurationMilliseconds else {
            report(.duration, at: path, "`\(key)` must be at most 365d")
            return nil
        }
        return milliseconds
    }

    private static let longestDurationMilliseconds: Int64 = 365 * 86_400_000
}

extension JSONValue {
    /// What the value is, for messages that must not show it.
    var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "a mapping"
        }
    }
}
