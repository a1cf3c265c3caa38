/// One part of the way from the root of a definition to a value in it.
package enum PathPart: Sendable, Hashable {
    case key(String)
    case index(Int)
}

/// One reason why a definition is refused, and where it lies.
package struct DefinitionProblem: Sendable, Hashable, CustomStringConvertible {
    /// Which end of a member a problem lies at.
    package enum Place: Sendable, Hashable {
        case key
        case value
    }

    package let code: Code
    /// From the root to the member or element the problem lies at.
    package let path: [PathPart]
    package let place: Place
    package let message: String
    /// What to do about it.
    package let hint: String?

    package init(_ code: Code, at path: [PathPart], place: Place = .value, _ message: String, hint: String? = nil) {
        self.code = code
        self.path = path
        self.place = place
        self.message = message
        self.hint = hint
    }

    /// The path as people write it: `steps[2].retry.attempts`.
    package var pathText: String {
        path.reduce(into: "") { text, part in
            switch part {
            case .index(let index): text += "[\(index)]"
            case .key(let key): text += text.isEmpty ? key : ".\(key)"
            }
        }
    }

    package var description: String {
        let place = path.isEmpty ? "" : "\(pathText): "
        return "\(place)\(message) [\(code)]".escapedForTerminal
    }
}

extension DefinitionProblem {
    /// What is wrong, in a word that stays the same between releases.
    package enum Code: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
        // One field
        /// A string is expected and something else was found, in YAML mostly for want of quotes.
        case string = "LINT_STRING"
        case type = "LINT_TYPE"
        case unknownKey = "LINT_UNKNOWN_KEY"
        case missingKey = "LINT_MISSING_KEY"
        case name = "LINT_NAME"
        case commandName = "LINT_COMMAND_NAME"
        case choice = "LINT_CHOICE"
        case number = "LINT_NUMBER"
        case duration = "LINT_DURATION"
        case eventType = "LINT_EVENT_TYPE"
        case businessKey = "LINT_KEY"
        case template = "LINT_TEMPLATE"

        // One step
        case stepCount = "LINT_STEP_COUNT"
        case stepTwice = "LINT_STEP_TWICE"
        case compensationMissing = "LINT_COMPENSATION_MISSING"
        case compensationRefused = "LINT_COMPENSATION_REFUSED"
        case retryWithoutEffect = "LINT_RETRY_WITHOUT_EFFECT"
        case backoff = "LINT_BACKOFF"

        // Between steps
        case afterUnknown = "LINT_AFTER_UNKNOWN"
        case afterSelf = "LINT_AFTER_SELF"
        case afterTwice = "LINT_AFTER_TWICE"
        case cycle = "LINT_CYCLE"
        case pivotTwice = "LINT_PIVOT_TWICE"
        case fallibleAfterPivot = "LINT_FALLIBLE_AFTER_PIVOT"
        case fallibleBesidePivot = "LINT_FALLIBLE_BESIDE_PIVOT"
        case retriableBeforePivot = "LINT_RETRIABLE_BEFORE_PIVOT"
        case retriableNotLast = "LINT_RETRIABLE_NOT_LAST"
        case referenceUnknown = "LINT_REFERENCE_UNKNOWN"
        case referenceNotDone = "LINT_REFERENCE_NOT_DONE"
        case deadline = "LINT_DEADLINE"

        package var description: String { rawValue }
    }
}
