extension String {
    /// The text with everything that could steer a terminal or hide text shown as `\u{1b}`.
    ///
    /// Escaped are control characters (line feeds too), line and paragraph separators, and invisible format characters
    /// such as bidirectional overrides, but not the two joiners that emoji and some scripts need.
    public var escapedForTerminal: String {
        guard unicodeScalars.contains(where: \.steersTerminal) else { return self }
        var escaped = ""
        for scalar in unicodeScalars {
            if scalar.steersTerminal {
                escaped += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

extension Unicode.Scalar {
    fileprivate var steersTerminal: Bool {
        if isASCII { return value < 0x20 || value == 0x7F }
        if value == 0x200C || value == 0x200D { return false }
        let category = properties.generalCategory
        return category == .control || category == .format || category == .lineSeparator
            || category == .paragraphSeparator
    }
}
