import DurableSQLite
import GRDB
import SagaCore
import SagaParticipant
import SagaStore

/// What must hold of the participants once nothing moves any more.
struct ServicesCheck {
    private let world: World
    private let sagas: [SagaID: SagaState]
    /// Operators have decided about a step of theirs.
    private let touched: Set<SagaID>

    init(_ world: World, sagas: [SagaID: SagaState]) throws {
        self.world = world
        self.sagas = sagas
        touched = try world.store.read { try $0.sagasSettledByOperators() }
    }

    func violations() throws -> [String] {
        var violations: [String] = []
        var barriers: [String: BarrierRows] = [:]
        for service in world.services.all {
            let name = service.participant.name
            let (barrier, horizon) = try service.database.queue.unsafeRead { db in
                (try BarrierRows(db), try Int64.fetchOne(db, sql: "SELECT time FROM barrier_horizon"))
            }
            barriers[name] = barrier
            if world.luck.count(of: .jumpClock) == 0 {
                violations += OldRecords.violations(name, barrier, horizon: horizon ?? 0)
            }
            guard let watch = world.watch(of: name) else { continue }
            violations +=
                BarrierCheck(name: name, watch: watch, barrier: barrier, causes: world.services.causes).violations()
        }
        guard let inventory = barriers["inventory"], let payment = barriers["payment"], let ledger = barriers["ledger"]
        else { return violations }
        if world.luck.count(of: .incompleteReply) == 0 { violations += outputs([inventory, payment, ledger]) }
        let books = try Books(world.databases)
        let touchedOrders = Set(touched.compactMap { sagas[$0]?.key })
        let isTouched = { touchedOrders.contains($0) }
        violations +=
            BooksCheck(
                books: books, sagas: sagas, inventory: inventory, payment: payment, ledger: ledger,
                isTouched: isTouched, reservationMilliseconds: world.services.reservationMilliseconds
            ).violations()
        violations +=
            RefusalCheck(
                watches: barriers.keys.compactMap { world.watch(of: $0) }, causes: world.services.causes, books: books,
                sagas: sagas, inventory: inventory, ledger: ledger, isTouched: isTouched,
                isTimeless: world.luck.count(of: .jumpClock) > 0
            ).violations()
        return violations
    }

    /// What a step gave, as the history has it, is what its participant keeps.
    private func outputs(_ barriers: [BarrierRows]) -> [String] {
        sagas.values.filter { !touched.contains($0.id) }.sorted { $0.id < $1.id }.flatMap { saga in
            zip(saga.definition.steps, saga.steps).compactMap { definition, step in
                guard step.status == .succeeded, let output = step.output else { return nil }
                let place = BarrierRows.Place(saga: saga.id, step: definition.name)
                let kept = barriers.lazy.compactMap { $0.success(place, .action)?.result }.first
                return kept == output.text ? nil : "rule 16: \(saga.id)/\(definition.name) gave other than is kept"
            }
        }
    }
}
