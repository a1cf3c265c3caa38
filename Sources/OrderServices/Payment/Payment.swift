import GRDB
import SagaCore
import SagaParticipant

/// Moves the customer's money: authorizes, captures, voids, refunds, each by one call to the gateway.
///
/// The gateway is outside the database, so every command has three phases (rule 18): the call is committed to
/// with its key before it is made, repeated until the gateway answers, and its answer written down.
package enum Payment {
    package static func participant(gateway: any PaymentGateway) -> Participant {
        Participant(
            name: "payment",
            migrations: [Participant.Migration("1") { db in try db.execute(sql: PaymentSchema.tables) }],
            handlers: [
                .action("payment.authorize", work(gateway, prepare: authorization, record: recordAuthorization)),
                .compensation("payment.void", work(gateway, prepare: void, record: recordVoid)),
                .action("payment.capture", work(gateway, prepare: capture, record: recordCapture)),
                .action("payment.refund", work(gateway, prepare: refund, record: recordRefund)),
            ])
    }

    enum PreparedRequest {
        case request(GatewayRequest)
        case settled(HandlerResult)
    }

    /// What the gateway has approved.
    struct Approval {
        let request: GatewayRequest
        let id: String
        let isExpired: Bool
    }

    /// One call to the gateway. `prepare` says what to ask for, `record` notes what was approved and gives the output;
    /// what the gateway refuses is `failed`.
    private static func work(
        _ gateway: any PaymentGateway,
        prepare: @escaping @Sendable (Database, CommandContext) throws -> PreparedRequest,
        record: @escaping @Sendable (Database, CommandContext, Approval) throws -> JSONObject
    ) -> OutsideWork {
        OutsideWork { db, context in
            switch try prepare(db, context) {
            case .request(let request): .call(request.json)
            case .settled(let result): .settled(result)
            }
        } call: { key, parameters in
            guard let request = GatewayRequest(parameters) else {
                return .unsettled("the stored request is unreadable")
            }
            let answer = gateway.perform(request, key: key)
            switch answer {
            case .unanswered(let reason): return .unsettled(reason)
            case .refused(GatewayAnswer.keyReused, _): return .unsettled("the key was used for another request")
            case .approved, .refused: return answer.json.map { .definite($0) } ?? .unsettled("no answer")
            }
        } finish: { db, context, parameters, answer in
            switch GatewayAnswer(answer) {
            case .approved(let id, let isExpired):
                guard let request = GatewayRequest(parameters) else { throw UnreadableRequest() }
                let approval = Approval(request: request, id: id, isExpired: isExpired)
                return .succeeded(try record(db, context, approval))
            case .refused(let code, let message):
                return .failed(code: code, message: message)
            case .unanswered, nil:
                return .retry(code: RefusalCode.unsettled.rawValue, message: "the gateway has not answered")
            }
        }
    }

    /// A call was made with parameters that do not say what it was.
    struct UnreadableRequest: Error {}
}

extension HandlerResult {
    static let noAuthorization = HandlerResult.failed(
        code: "AUTHORIZATION_UNKNOWN", message: "there is no such authorization")
}
