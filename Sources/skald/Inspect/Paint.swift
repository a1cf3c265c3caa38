import SagaCore

/// Colours a text; the one for tests and pipes leaves it as it is.
typealias Paint = @Sendable (String, Terminal.Style) -> String

extension Terminal {
    var paint: Paint { { text, style in self.style(text, style) } }
}

extension String {
    /// Safe for a terminal, and on one line no longer than this many characters.
    func shown(upTo limit: Int) -> String {
        let escaped = escapedForTerminal
        return escaped.count <= limit ? escaped : escaped.prefix(limit - 1) + "…"
    }

    /// As one word of a shell's command line.
    var shellWord: String {
        let plain = utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "@"):
                true
            default: false
            }
        }
        if plain, !isEmpty { return self }
        return "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
