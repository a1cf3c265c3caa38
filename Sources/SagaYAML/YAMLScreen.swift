/// Finds anchors, aliases and tags in a YAML text without resolving any.
///
/// Yams resolves aliases while it reads and without limit, and its events are not public, so this walks over the
/// tokens first: only far enough to tell an indicator from the same character inside a scalar or a comment.
struct YAMLScreen {
    private(set) var problems: [YAMLProblem] = []

    private let scalars: [Unicode.Scalar]
    private var offset = 0
    private var line = 1
    private var column = 1
    private var flowDepth = 0
    /// The columns of the open block collections; a deeper line belongs to the innermost.
    private var indents: [Int] = []
    /// Where the last scalar began, which a `:` turns into a key.
    private var key = SourcePosition(line: 0, column: 0)

    static func problems(in text: SourceText) -> [YAMLProblem] {
        var screen = YAMLScreen(scalars: text.scalars)
        while let scalar = screen.current {
            screen.token(scalar)
        }
        return screen.problems
    }

    private init(scalars: [Unicode.Scalar]) {
        self.scalars = scalars
    }

    private var current: Unicode.Scalar? { peek(0) }
    private var indent: Int { indents.last ?? 0 }
    private var isNextBlank: Bool { Self.isBlank(peek(1)) }

    private func peek(_ distance: Int) -> Unicode.Scalar? {
        offset + distance < scalars.count ? scalars[offset + distance] : nil
    }

    private static func isBlank(_ scalar: Unicode.Scalar?) -> Bool {
        scalar == nil || scalar == " " || scalar == "\t" || isBreak(scalar)
    }

    private static func isBreak(_ scalar: Unicode.Scalar?) -> Bool {
        scalar == "\n" || scalar == "\r"
    }

    private static func isFlowIndicator(_ scalar: Unicode.Scalar?) -> Bool {
        scalar == "," || scalar == "[" || scalar == "]" || scalar == "{" || scalar == "}"
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where offset < scalars.count {
            if scalars[offset] == "\n" || scalars[offset] == "\r" && peek(1) != "\n" {
                line += 1
                column = 1
            } else {
                column += 1
            }
            offset += 1
        }
    }

    private mutating func token(_ scalar: Unicode.Scalar) {
        if Self.isBlank(scalar) { return advance() }
        if scalar == "#" { return skipLine() }
        if isDocumentMarker {
            (flowDepth, indents) = (0, [])
            return advance(3)
        }
        if flowDepth == 0 {
            while indent > column { indents.removeLast() }
        }
        switch scalar {
        case "%" where column == 1: skipLine()
        case "&": refuse(.anchor, "anchors are not allowed", hint: "write the value out where it is needed")
        case "*": refuse(.alias, "aliases are not allowed", hint: "write it out; quote a text that begins with *")
        case "!": refuse(.tag, "tags are not allowed", hint: "quote a text that begins with !")
        case "[", "{":
            if flowDepth == 0 { key = SourcePosition(line: line, column: column) }
            flowDepth += 1
            advance()
        case "]", "}":
            flowDepth = max(0, flowDepth - 1)
            advance()
        case ",": advance()
        case "\"", "'": skipQuoted(by: scalar)
        case "|" where flowDepth == 0, ">" where flowDepth == 0: skipBlockScalar()
        case "-" where isNextBlank && flowDepth == 0: openBlock(at: column)
        case "?" where isNextBlank || flowDepth > 0: openBlock(at: column)
        case ":" where isNextBlank || flowDepth > 0: openBlock(at: key.line == line ? key.column : column)
        default: skipPlain()
        }
    }

    private var isDocumentMarker: Bool {
        guard column == 1, let first = current, first == "-" || first == "." else { return false }
        return peek(1) == first && peek(2) == first && Self.isBlank(peek(3))
    }

    private mutating func openBlock(at column: Int) {
        if flowDepth == 0, column > indent { indents.append(column) }
        advance()
    }

    private mutating func refuse(_ code: YAMLProblem.Code, _ message: String, hint: String) {
        problems.append(YAMLProblem(code, at: SourcePosition(line: line, column: column), message, hint: hint))
        while let scalar = current, !Self.isBlank(scalar), !Self.isFlowIndicator(scalar) { advance() }
    }

    private mutating func skipLine() {
        while let scalar = current, !Self.isBreak(scalar) { advance() }
    }

    private mutating func skipQuoted(by quote: Unicode.Scalar) {
        key = SourcePosition(line: line, column: column)
        advance()
        while let scalar = current {
            if scalar == "\\", quote == "\"" {
                advance(2)
            } else if scalar == quote, quote == "'", peek(1) == quote {
                advance(2)
            } else {
                advance()
                if scalar == quote { return }
            }
        }
    }

    /// Over the header line and all lines that are deeper than the collection the scalar is in.
    private mutating func skipBlockScalar() {
        let outer = max(indent, 1)
        skipLine()
        while current != nil {
            advance()
            while current == " " { advance() }
            if let scalar = current, !Self.isBreak(scalar), column <= outer { return }
            skipLine()
        }
    }

    private mutating func skipPlain() {
        key = SourcePosition(line: line, column: column)
        while let scalar = current {
            if scalar == ":", isNextBlank || flowDepth > 0 && Self.isFlowIndicator(peek(1)) { return }
            if flowDepth > 0, Self.isFlowIndicator(scalar) { return }
            advance()
            guard Self.isBlank(current) else { continue }
            let lineBefore = line
            while let blank = current, Self.isBlank(blank) { advance() }
            if current == "#" || isDocumentMarker { return }
            if line > lineBefore, flowDepth == 0, column <= indent { return }
        }
    }
}
