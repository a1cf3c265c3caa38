import OrderServices
import SagaCore

/// The card gateway behind a line that sometimes carries no answer back.
// One thread drives a simulation and all that belongs to it.
final class SimulatedGateway: PaymentGateway, @unchecked Sendable {
    private let gateway: TestGateway
    private let luck: Luck
    private let trace: Trace
    private let causes: ServiceCauses

    init(_ gateway: TestGateway, luck: Luck, trace: Trace, causes: ServiceCauses) {
        self.gateway = gateway
        self.luck = luck
        self.trace = trace
        self.causes = causes
    }

    func perform(_ request: GatewayRequest, key: String) -> GatewayAnswer {
        causes.isAsked(request, key: key)
        if luck.happens(.silentGateway) {
            trace.note("gateway", "does not answer \(key), and has done nothing")
            return .unanswered("no connection")
        }
        let answer = gateway.perform(request, key: key)
        causes.hasAnswered(answer, key: key)
        trace.note("gateway", "\(key): \(answer)")
        if luck.happens(.lostGatewayAnswer) {
            trace.note("gateway", "the answer to \(key) is lost")
            return .unanswered("the connection broke")
        }
        return answer
    }
}
