import SagaCore

/// One reason why a definition file is refused, where it lies and what to do.
package struct SourceProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let file: String
    /// Counted from 1; nil where the file as a whole is meant.
    package let position: SourcePosition?
    /// Stays the same between releases, e.g. `LINT_UNKNOWN_KEY`.
    package let code: String
    package let message: String
    package let hint: String?

    init(file: String, position: SourcePosition?, code: String, message: String, hint: String?) {
        self.file = file
        self.position = position
        self.code = code
        self.message = message
        self.hint = hint
    }

    package var line: Int { position?.line ?? 1 }
    package var column: Int { position?.column ?? 1 }

    /// `file:line:column: error: message [CODE]`, and the hint on a line of its own; safe for a terminal.
    package var description: String {
        let place = position.map { ":\($0.line):\($0.column)" } ?? ""
        let error = "\(file)\(place): error: \(message) [\(code)]".escapedForTerminal
        guard let hint else { return error }
        return error + "\n    hint: " + hint.escapedForTerminal
    }
}

/// Every reason why a definition file is refused, in the order of the file.
package struct SourceProblems: Error, Sendable, Hashable, CustomStringConvertible {
    package let problems: [SourceProblem]

    /// One problem after the other, each on lines of its own.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// A place in a text, both counted from 1, the column in Unicode scalars.
package struct SourcePosition: Sendable, Hashable, Comparable {
    package let line: Int
    package let column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static func < (left: SourcePosition, right: SourcePosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}
