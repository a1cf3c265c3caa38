import DurableSQLite
import GRDB
import OrderServices
import SagaCore
import SagaParticipant
import SagaStore

/// The databases of a simulation, in memory. One simulation after the other uses them, each from the beginning.
package final class Databases {
    let store: SagaStore
    let inventory: ParticipantDatabase
    let payment: ParticipantDatabase
    let ledger: ParticipantDatabase
    let gateway: TestGateway
    let storeWatch = CommitWatch()
    let inventoryWatch = CommitWatch()
    let paymentWatch = CommitWatch()
    let ledgerWatch = CommitWatch()
    /// Those read, by hash: reading one takes as long as a saga.
    private var definitions: [String: SagaDefinition] = [:]
    private let contents: [(queue: DatabaseQueue, content: PristineContent)]
    private var isFresh = true

    package init() throws {
        store = try SagaStore()
        gateway = try TestGateway(path: nil)
        inventory = try ParticipantDatabase(inMemoryFor: Inventory.participant())
        payment = try ParticipantDatabase(inMemoryFor: Payment.participant(gateway: gateway))
        ledger = try ParticipantDatabase(inMemoryFor: Ledger.participant())
        for service in [inventory, payment, ledger] { try OldRecords.lay(in: service.queue) }
        contents = try [store.queue, gateway.database.queue, inventory.queue, payment.queue, ledger.queue].map {
            (queue: $0, content: try PristineContent(of: $0))
        }
        store.queue.add(transactionObserver: storeWatch, extent: .databaseLifetime)
        inventory.queue.add(transactionObserver: inventoryWatch, extent: .databaseLifetime)
        payment.queue.add(transactionObserver: paymentWatch, extent: .databaseLifetime)
        ledger.queue.add(transactionObserver: ledgerWatch, extent: .databaseLifetime)
    }

    /// Nobody has written anything.
    func begin(stock: String) throws {
        end()
        if !isFresh {
            for (queue, content) in contents { try content.restore(queue) }
        }
        isFresh = false
        _ = try inventory.queue.write { try Inventory.receive(stock, into: $0, now: VirtualTime.origin) }
    }

    /// Whose commits were watched is forgotten.
    func end() {
        for watch in [storeWatch, inventoryWatch, paymentWatch, ledgerWatch] { watch.process = nil }
    }

    func definition(of saga: SagaID, in store: StoreView) throws -> SagaDefinition? {
        guard let hash = try store.definitionHash(of: saga) else { return nil }
        if let known = definitions[hash] { return known }
        let read = try store.definition(hash: hash)
        definitions[hash] = read
        return read
    }

    func audit() -> MoneyAndStockAudit {
        MoneyAndStockAudit(
            inventory: inventory.queue, payment: payment.queue, ledger: ledger.queue, gateway: gateway.database.queue)
    }
}
