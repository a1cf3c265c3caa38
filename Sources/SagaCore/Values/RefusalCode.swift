/// The stable code of a refusal; callers, scripts and dead letters rely on the text.
public struct RefusalCode: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    private init(_ rawValue: String) {
        self.rawValue = rawValue
    }

    public var description: String { rawValue }
}

// MARK: - Bodies and fields

extension RefusalCode {
    public static let jsonSyntax = RefusalCode("JSON_SYNTAX")
    public static let jsonDuplicateKey = RefusalCode("JSON_DUPLICATE_KEY")
    public static let jsonEncoding = RefusalCode("JSON_ENCODING")
    public static let jsonDepth = RefusalCode("JSON_DEPTH")
    public static let jsonNumber = RefusalCode("JSON_NUMBER")
    public static let messageTooLarge = RefusalCode("MESSAGE_TOO_LARGE")
    public static let fieldMissing = RefusalCode("FIELD_MISSING")
    public static let fieldType = RefusalCode("FIELD_TYPE")
    public static let fieldUnknown = RefusalCode("FIELD_UNKNOWN")
    public static let fieldValue = RefusalCode("FIELD_VALUE")
    public static let moneyFormat = RefusalCode("MONEY_FORMAT")
    public static let moneyRange = RefusalCode("MONEY_RANGE")
    public static let moneyOverflow = RefusalCode("MONEY_OVERFLOW")
    public static let moneyMismatch = RefusalCode("MONEY_MISMATCH")
    public static let currencyUnknown = RefusalCode("CURRENCY_UNKNOWN")
}

// MARK: - Envelopes

extension RefusalCode {
    public static let missingID = RefusalCode("MISSING_ID")
    public static let idFormat = RefusalCode("ID_FORMAT")
    public static let keyFormat = RefusalCode("KEY_FORMAT")
    public static let definitionUnknown = RefusalCode("DEFINITION_UNKNOWN")
    public static let versionUnknown = RefusalCode("VERSION_UNKNOWN")
    public static let stepUnknown = RefusalCode("STEP_UNKNOWN")
    public static let verbUnknown = RefusalCode("VERB_UNKNOWN")
    public static let sagaUnknown = RefusalCode("SAGA_UNKNOWN")
    public static let replyUnknown = RefusalCode("REPLY_UNKNOWN")
    public static let noQueue = RefusalCode("NO_QUEUE")
    public static let replyForged = RefusalCode("REPLY_FORGED")
}

// MARK: - Sagas and commands

extension RefusalCode {
    public static let idempotencyConflict = RefusalCode("IDEMPOTENCY_CONFLICT")
    public static let inputMissing = RefusalCode("INPUT_MISSING")
    public static let outputMissing = RefusalCode("OUTPUT_MISSING")
    public static let replyContradicts = RefusalCode("REPLY_CONTRADICTS")
    public static let badCommand = RefusalCode("BAD_COMMAND")
    public static let commandExpired = RefusalCode("COMMAND_EXPIRED")
    public static let fenced = RefusalCode("FENCED")
    /// The participant did not answer the fence.
    public static let fenceUnanswered = RefusalCode("FENCE_UNANSWERED")
    /// A call to the outside has not been answered yet.
    public static let unsettled = RefusalCode("UNSETTLED")
    /// A reply that is no success and names no code.
    public static let unspecified = RefusalCode("UNSPECIFIED")
    public static let conflict = RefusalCode("CONFLICT")
    public static let notAllowed = RefusalCode("NOT_ALLOWED")
    public static let `internal` = RefusalCode("INTERNAL")
}
