import SagaCore

/// What the code of a dead letter means, in plain words.
enum DeadLetterReason {
    static func words(_ code: String) -> String {
        switch RefusalCode(rawValue: code) {
        case .jsonSyntax, .jsonDuplicateKey, .jsonEncoding, .jsonDepth, .jsonNumber:
            "Its body is no JSON that can be read strictly. Nothing was done; tell the team that sends it."
        case .messageTooLarge: "It is larger than a message may be. Nothing was done; tell the team that sends it."
        case .missingID, .idFormat, .keyFormat, .fieldMissing, .fieldType, .fieldUnknown, .fieldValue, .inputMissing,
            .moneyFormat, .moneyRange, .moneyOverflow, .moneyMismatch, .currencyUnknown:
            "Its sender has written it wrongly. Nothing was done; tell the team that sends it."
        case .definitionUnknown, .versionUnknown, .stepUnknown, .verbUnknown, .sagaUnknown:
            "It asks for something that this worker does not have. Nothing was done."
        case .idempotencyConflict:
            "A start with a business key that another saga has, with other input. Nothing was started."
        case .replyUnknown:
            "A reply to a saga or a command that this file does not have: a participant on the wrong broker, or a file "
                + "restored from an old copy."
        case .replyContradicts:
            "A participant has said two different things about one command. It has a fault; look at the saga."
        case .replyForged: "A reply from a broker user who is not that participant. Nothing was believed."
        case .noQueue:
            "It was sent again, and no queue takes it. Nothing was done; replay it once the queue is there."
        case .badCommand:
            "A participant could not understand a command that named no sender to answer. Nothing was done."
        case .commandExpired: "A command older than what the participant remembers. It was not done."
        case .internal:
            "The worker failed over it, or it was put here by someone else. Keep it for a report before you discard it."
        default: "It was refused."
        }
    }
}
