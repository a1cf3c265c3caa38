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
    let causes = ServiceCauses()
    /// How long a soft reservation lasts.
    let reservationMilliseconds: Int64

    init(_ databases: Databases, _ plan: Plan, luck: Luck, trace: Trace) {
        reservationMilliseconds = plan.reservationMilliseconds
        let mood = Mood(luck: luck, trace: trace, causes: causes)
        let gateway = SimulatedGateway(databases.gateway, luck: luck, trace: trace, causes: causes)
        func moody(_ participant: Participant) -> Participant { participant.asking(mood.before, then: mood.after) }
        all = [
            Service(
                participant: moody(Inventory.participant(reservationMilliseconds: reservationMilliseconds)),
                database: databases.inventory, watch: databases.inventoryWatch),
            Service(
                participant: moody(Payment.participant(gateway: gateway)), database: databases.payment,
                watch: databases.paymentWatch),
            Service(
                participant: moody(Ledger.participant()), database: databases.ledger, watch: databases.ledgerWatch),
        ]
    }
}
