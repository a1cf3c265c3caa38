import GRDB
import SagaCore
import Testing

@testable import SagaStore

@Suite("The schema refuses what must not be")
struct SchemaTests {
    private let store: SagaStore

    init() throws {
        store = try SagaStore()
        try Sample.start(1, in: store)
    }

    @Test func everyTableIsStrict() throws {
        let loose = try store.read { transaction in
            try String.fetchAll(
                transaction.db,
                sql: """
                    SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                    AND name NOT LIKE 'grdb_%' AND sql NOT LIKE '%STRICT%'
                    """)
        }
        #expect(loose == [])
    }

    @Test(arguments: [
        "UPDATE sagas SET status = 'nearly'",
        "UPDATE sagas SET is_paused = 2",
        "UPDATE sagas SET sequence = 0",
        "UPDATE sagas SET sequence = 'two'",
        "UPDATE sagas SET status = 'completed'",
        "UPDATE sagas SET ended_at = 1",
        "UPDATE sagas SET definition = 'none'",
        "UPDATE sagas SET wake_at = 'soon'",
        "UPDATE history SET first_sequence = 0",
        "UPDATE history SET saga = 77",
        "UPDATE history SET events = NULL",
        "INSERT INTO definitions VALUES ('short', 'shop', 1, '{}', 1)",
        "UPDATE definitions SET version = 0",
        "UPDATE keys SET input_hash = 'short'",
        "INSERT INTO pruned SELECT id, status, started_at, 0 FROM sagas",
        "INSERT INTO pruned SELECT id, 'completed', ended_at, 0 FROM sagas",
        "INSERT INTO pruned VALUES (1, 'completed', 1, 2)",
        "DELETE FROM sagas",
        "INSERT INTO suspects VALUES ('x', 0)",
        "INSERT INTO breakers VALUES ('bank', 1, 1, -1, NULL, 1, NULL)",
        "INSERT INTO breakers VALUES ('bank', 1, 1, 0, NULL, 1, 0)",
        "INSERT INTO outbox VALUES (1, NULL, NULL, 1, 'e', 'k', 2, '{}', x'00')",
        "INSERT INTO outbox VALUES (1, NULL, NULL, 1, 'e', 'k', 1, '{}', 'text')",
        """
        INSERT INTO dead_letters (at, reason, detail, exchange, routing_key, properties, body, settled_as)
        VALUES (1, 'r', 'd', 'e', 'k', '{}', x'', 'replayed')
        """,
        """
        INSERT INTO dead_letters (at, reason, detail, exchange, routing_key, properties, body, settled_at, settled_as)
        VALUES (1, 'r', 'd', 'e', 'k', '{}', x'', 1, 'lost')
        """,
    ])
    func refusal(_ sql: String) throws {
        let error = #expect(throws: DatabaseError.self) { try store.write { try $0.db.execute(sql: sql) } }
        #expect(error?.resultCode == .SQLITE_CONSTRAINT)
    }

    @Test func aSequenceNumberIsThereOnce() throws {
        let error = #expect(throws: DatabaseError.self) {
            try store.write {
                try $0.db.execute(
                    sql: """
                        INSERT INTO history (saga, first_sequence, at, format, events)
                        SELECT saga, first_sequence, at, format, events FROM history
                        """)
            }
        }
        #expect(error?.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE)
    }

    @Test("Rule 22: a key has one first saga, and a saga one successor")
    func keysAreUnique() throws {
        func claim(_ number: Int, again: SagaID?) throws {
            try store.write {
                try $0.claimKey(
                    "order-1", name: "shop",
                    for: KeyOwner(saga: Sample.id(number), inputHash: SHA256.hex([]), again: again))
            }
        }
        #expect(throws: DatabaseError.self) { try claim(2, again: nil) }
        try claim(3, again: Sample.id(1))
        #expect(throws: DatabaseError.self) { try claim(4, again: Sample.id(1)) }
        #expect(throws: DatabaseError.self) { try claim(3, again: Sample.id(3)) }
        try claim(5, again: Sample.id(3))
        let owner = try store.read { try $0.owner(ofKey: "order-1", name: "shop") }
        #expect(owner == KeyOwner(saga: Sample.id(5), inputHash: SHA256.hex([]), again: Sample.id(3)))
    }

    @Test func whatThrowsInATransactionUndoesAllOfIt() throws {
        struct Planted: Error {}
        #expect(throws: Planted.self) {
            try store.write { transaction in
                try transaction.setFact("open", to: "yes")
                throw Planted()
            }
        }
        #expect(try store.read { try $0.fact("open") } == nil)
    }
}
