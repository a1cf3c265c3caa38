import OrderServices
import SagaCore
import SagaParticipant

/// The order services with moods of their own.
struct Services {
    struct Service {
        let participant: Participant
        let database: ParticipantDatabase
        let watch: CommitWatch
    }
    let all: [Service]

    init(_ databases: Databases, luck: Luck, trace: Trace) {
        let mood = Mood(luck: luck, trace: trace)
        let gateway = SimulatedGateway(databases.gateway, luck: luck, trace: trace)
        all = [
            Service(
                participant: Inventory.participant().asking(mood.ask), database: databases.inventory,
                watch: databases.inventoryWatch),
            Service(
                participant: Payment.participant(gateway: gateway).asking(mood.ask), database: databases.payment,
                watch: databases.paymentWatch),
            Service(
                participant: Ledger.participant().asking(mood.ask), database: databases.ledger,
                watch: databases.ledgerWatch),
        ]
    }
}

/// Has a participant refuse or fail now and then.
// One thread drives a simulation and all that belongs to it.
private final class Mood: @unchecked Sendable {
    private struct Unforeseen: Error {}
    private let luck: Luck
    private let trace: Trace

    /// Actions before the point of no return.
    private static let refusable: Set = [
        "inventory.reserve", "payment.authorize", "ledger.record", "inventory.commit", "payment.capture",
        "ledger.begin-return", "payment.refund",
    ]

    init(luck: Luck, trace: Trace) {
        self.luck = luck
        self.trace = trace
    }

    @Sendable func ask(_ context: CommandContext) throws {
        if luck.happens(.handlerError) {
            trace.note("handler", "of \(context.id) fails")
            throw Unforeseen()
        }
        guard luck.happens(Self.refusable.contains(context.type) ? .refuseAction : .refuseForGood) else { return }
        trace.note("handler", "of \(context.id) refuses")
        throw Refusal(code: .notAllowed, message: "not today")
    }
}
