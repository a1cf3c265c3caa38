/// What is wrong with a file before it can be read as a definition.
struct YAMLProblem: Error, Hashable {
    /// What is wrong, in a word that stays the same between releases.
    enum Code: String, CaseIterable {
        case file = "LINT_FILE"
        case size = "LINT_FILE_SIZE"
        case encoding = "LINT_FILE_ENCODING"
        case empty = "LINT_FILE_EMPTY"
        case syntax = "LINT_YAML_SYNTAX"
        case anchor = "LINT_YAML_ANCHOR"
        case alias = "LINT_YAML_ALIAS"
        case tag = "LINT_YAML_TAG"
        case documents = "LINT_YAML_DOCUMENTS"
        case depth = "LINT_YAML_DEPTH"
        case key = "LINT_YAML_KEY"
        case duplicateKey = "LINT_YAML_DUPLICATE_KEY"
        /// A value that YAML turns into another type than the one that was written.
        case type = "LINT_YAML_TYPE"
    }

    let code: Code
    let position: SourcePosition?
    let message: String
    let hint: String?

    init(_ code: Code, at position: SourcePosition?, _ message: String, hint: String? = nil) {
        self.code = code
        self.position = position
        self.message = message
        self.hint = hint
    }

    func inFile(_ file: String) -> SourceProblem {
        SourceProblem(file: file, position: position, code: code.rawValue, message: message, hint: hint)
    }
}
