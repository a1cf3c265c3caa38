/// The cards of the test gateway, by token: how each behaves in one operation, and like `tok_visa` in the others.
package enum TestCard: String, CaseIterable, Sendable {
    case visa = "tok_visa"
    case declined = "tok_declined"
    case insufficientFunds = "tok_insufficient_funds"
    case expiredCard = "tok_expired_card"
    case failThenSucceed = "tok_fail_then_succeed"
    case timeoutBefore = "tok_timeout_before"
    case timeoutAfter = "tok_timeout_after"
    case timeoutThenDeclined = "tok_timeout_then_declined"
    case expiredAuthorization = "tok_expired_authorization"
    case captureDeclined = "tok_capture_declined"
    case captureTimeoutBefore = "tok_capture_timeout_before"
    case captureTimeoutAfter = "tok_capture_timeout_after"
    case voidTimeout = "tok_void_timeout"
    case voidRefused = "tok_void_refused"
    case refundTimeout = "tok_refund_timeout"
    case refundRefused = "tok_refund_refused"

    enum Operation: String, Sendable {
        case authorize, capture, void, refund
    }

    enum Behaviour: Sendable, Equatable {
        case approves
        case refuses(String)
        /// The order's first request of this kind only.
        case refusesFirst(String)
        /// The first call with a key gets no answer and has no effect.
        case timesOutBefore
        /// The first call with a key gets no answer and has its effect.
        case timesOutAfter
        /// The first call with a key gets no answer, the second is refused.
        case timesOutThenRefuses(String)
        /// The authorization has expired when the request arrives.
        case findsExpired
    }

    func behaviour(in operation: Operation) -> Behaviour {
        switch (self, operation) {
        case (.declined, .authorize): .refuses("CARD_DECLINED")
        case (.insufficientFunds, .authorize): .refuses("INSUFFICIENT_FUNDS")
        case (.expiredCard, .authorize): .refuses("CARD_EXPIRED")
        case (.failThenSucceed, .authorize): .refusesFirst("CARD_DECLINED")
        case (.timeoutBefore, .authorize), (.captureTimeoutBefore, .capture): .timesOutBefore
        case (.timeoutAfter, .authorize), (.captureTimeoutAfter, .capture), (.voidTimeout, .void),
            (.refundTimeout, .refund):
            .timesOutAfter
        case (.timeoutThenDeclined, .authorize): .timesOutThenRefuses("CARD_DECLINED")
        case (.expiredAuthorization, .capture): .findsExpired
        case (.captureDeclined, .capture): .refuses("CARD_DECLINED")
        case (.voidRefused, .void): .refuses("VOID_REFUSED")
        case (.refundRefused, .refund): .refuses("REFUND_REFUSED")
        default: .approves
        }
    }
}
