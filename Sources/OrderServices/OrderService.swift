import GRDB
import Logging
import SagaBus
import SagaCore
import SagaParticipant

/// The order services by name, for whoever starts them.
package enum OrderService: String, CaseIterable, Sendable {
    case inventory, payment, ledger

    package struct Settings: Sendable {
        /// How long a soft reservation of stock lasts.
        package var reservationMilliseconds = Inventory.reservationMilliseconds
        package init() {}
    }

    /// Opens the service on its files in this directory, `inventory.sqlite`, `payment.sqlite` and `gateway.sqlite`,
    /// `ledger.sqlite`; nil for files in memory.
    ///
    /// - Throws: `UnusableDatabase`, with what to do.
    package func open(directory: String?, settings: Settings = Settings()) throws -> OpenOrderService {
        switch self {
        case .inventory:
            let participant = Inventory.participant(reservationMilliseconds: settings.reservationMilliseconds)
            return OpenOrderService(self, participant, try database(directory, participant), gateway: nil)
        case .payment:
            let gateway = try TestGateway(path: directory.map { "\($0)/gateway.sqlite" })
            let participant = Payment.participant(gateway: gateway)
            return OpenOrderService(self, participant, try database(directory, participant), gateway: gateway)
        case .ledger:
            let participant = Ledger.participant()
            return OpenOrderService(self, participant, try database(directory, participant), gateway: nil)
        }
    }

    package func path(in directory: String) -> String { "\(directory)/\(rawValue).sqlite" }

    private func database(_ directory: String?, _ participant: Participant) throws -> ParticipantDatabase {
        guard let directory else { return try ParticipantDatabase(inMemoryFor: participant) }
        return try ParticipantDatabase(path: path(in: directory), for: participant)
    }
}

/// A service and its open files.
package struct OpenOrderService: Sendable {
    package let kind: OrderService
    package let participant: Participant
    package let database: ParticipantDatabase
    /// The payment service's.
    package let gateway: TestGateway?

    init(_ kind: OrderService, _ participant: Participant, _ database: ParticipantDatabase, gateway: TestGateway?) {
        self.kind = kind
        self.participant = participant
        self.database = database
        self.gateway = gateway
    }

    /// To drive it by hand, as the simulator does.
    package func core() -> ParticipantCore {
        ParticipantCore(participant: participant, database: database)
    }

    /// To run it over a bus.
    package func service(
        over bus: any MessageBus, settings: ParticipantSettings = ParticipantSettings(), logger: Logger,
        now: (@Sendable () -> Timestamp)? = nil
    ) -> ParticipantService {
        ParticipantService(
            participant: participant, database: database, bus: bus, settings: settings, logger: logger, now: now)
    }
}

extension OpenOrderService {
    /// Counts stock in; inventory only. See ``Inventory/receive(_:into:now:)``.
    package func receiveStock(_ text: String, now: Timestamp) throws -> Inventory.Receipt {
        precondition(kind == .inventory, "only inventory has stock")
        return try database.queue.write { try Inventory.receive(text, into: $0, now: now) }
    }
}
