/// A text as Unicode scalars, checked to hold nothing that an editor would not show.
struct SourceText {
    static let maxBytes = 256 * 1024

    private(set) var scalars: [Unicode.Scalar] = []
    private var lineStarts = [0]

    init(_ bytes: [UInt8]) throws(YAMLProblem) {
        guard bytes.count <= Self.maxBytes else {
            throw YAMLProblem(.size, at: nil, "the file is larger than 256 KiB")
        }
        scalars.reserveCapacity(bytes.count)
        var parser = Unicode.UTF8.ForwardParser()
        var input = bytes.makeIterator()
        decoding: while true {
            switch parser.parseScalar(from: &input) {
            case .emptyInput:
                break decoding
            case .error:
                throw YAMLProblem(
                    .encoding, at: end, "the file is not UTF-8 from here on", hint: "save it as UTF-8")
            case .valid(let encoded):
                try append(Unicode.UTF8.decode(encoded))
            }
        }
    }

    private mutating func append(_ scalar: Unicode.Scalar) throws(YAMLProblem) {
        if scalar == "\u{FEFF}", scalars.isEmpty {
            throw YAMLProblem(.encoding, at: end, "the file begins with a byte order mark", hint: "save it without")
        }
        guard !Self.isInvisible(scalar) else {
            throw YAMLProblem(
                .encoding, at: end, "an invisible character, U+\(String(scalar.value, radix: 16, uppercase: true))",
                hint: "remove it")
        }
        if scalars.last == "\r", scalar != "\n" { lineStarts.append(scalars.count) }
        scalars.append(scalar)
        if scalar == "\n" { lineStarts.append(scalars.count) }
    }

    /// The position behind the last scalar.
    private var end: SourcePosition {
        let isNewLine = scalars.last == "\r"
        let start = lineStarts[lineStarts.count - 1]
        return isNewLine
            ? SourcePosition(line: lineStarts.count + 1, column: 1)
            : SourcePosition(line: lineStarts.count, column: scalars.count - start + 1)
    }

    /// Control and format characters, except the white space of YAML and the two joiners that some scripts need.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\t", "\n", "\r", "\u{200C}", "\u{200D}": return false
        case " "..."~": return false
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }

    var string: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    func line(_ number: Int) -> String {
        guard number >= 1, number <= lineStarts.count else { return "" }
        let end = number < lineStarts.count ? lineStarts[number] : scalars.count
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[lineStarts[number - 1]..<end])
        return String(view)
    }

    /// Puts `replacement` in the place of the scalar at `position`; false if there is none.
    mutating func replace(at position: SourcePosition, offset: Int, with replacement: Unicode.Scalar) -> Bool {
        guard let index = index(of: position).map({ $0 + offset }), index < scalars.count else { return false }
        scalars[index] = replacement
        return true
    }

    func scalar(at position: SourcePosition) -> Unicode.Scalar? {
        index(of: position).map { scalars[$0] }
    }

    private func index(of position: SourcePosition) -> Int? {
        guard position.line >= 1, position.line <= lineStarts.count, position.column >= 1 else { return nil }
        let index = lineStarts[position.line - 1] + position.column - 1
        return index < scalars.count ? index : nil
    }
}
