import SagaCore
import SagaStore
import Testing

@testable import skald

@Suite("F20: a participant that does not answer is seen")
struct SilentParticipantTests {
    /// Two sagas whose command to payment is held back, and one that waits for inventory.
    private func shop(window: Int? = nil) throws -> (SeededStore, [SagaID]) {
        let seeded = try SeededStore()
        var ids: [SagaID] = []
        for key in ["1", "2", "3"] { ids.append(try seeded.start(key)) }
        for id in ids.prefix(2) {
            try seeded.succeed(id, "reserve-stock")
            let command = CommandID(saga: id, step: "authorize", kind: .action, round: 1)
            try seeded.apply(.wake(WakeInput(unsent: [command], held: [command])), to: id)
            try seeded.store.write { transaction in
                try transaction.insert(
                    OutboxRow(
                        id: Int64(ids.firstIndex(of: id) ?? 0) + 1, saga: id, command: command,
                        exchange: "skald.commands", routingKey: "payment", isMandatory: true,
                        properties: Array("{}".utf8), body: []),
                    at: seeded.now)
            }
        }
        try seeded.store.write { transaction in
            try transaction.save(
                StoredBreaker(
                    participant: "payment", silentSince: seeded.now.adding(milliseconds: -720_000),
                    openedAt: seeded.now, probes: 7, probedAt: seeded.now,
                    nextProbeAt: seeded.now.adding(milliseconds: 41_000), window: window))
        }
        return (seeded, ids)
    }

    @Test func list() throws {
        let (seeded, ids) = try shop()
        let last = try #require(try seeded.list("--key", "1").lines.last)
        #expect(last.hasPrefix("payment has not answered since"))
        #expect(last.contains("(12m ago): 2 commands are held back, asked 7 times since, next at"))
        #expect(last.hasSuffix("(in 40s)"))
        #expect(try seeded.list("--key", "none").has("payment has not answered since"))

        let listing = try seeded.store.read { try SagaListing(SagaFilter(), in: $0) }
        let held = listing.rows.map { listing.json($0)["heldFor"] }
        #expect(held == [nil, ["payment"], ["payment"]])
        #expect(listing.rows.map(\.id) == ids.reversed())
    }

    @Test func listWhileLetIn() throws {
        let last = try shop(window: 8).0.list().lines.last
        #expect(last == "payment answers again: 2 commands are still held back, up to 8 at a time are sent")
    }

    @Test func show() throws {
        let (seeded, ids) = try shop()
        let silent = try seeded.store.read { try SilentParticipant.all(in: $0) }
        func shown(_ id: SagaID) throws -> ShownText {
            let record = try seeded.record(id.description)
            return try seeded.show(
                id, surroundings: Surroundings(unpublished: record.unpublished, held: record.held, silent: silent))
        }
        let waiting = try shown(ids[0])
        let next = waiting.section("What happens next by itself")
        #expect(next.first == "authorize: payment.authorize is held back until payment answers, attempt 1.")
        #expect(next.contains { $0.hasPrefix("payment has not answered since") })
        #expect(!next.contains { $0.contains("not been confirmed") })
        #expect(waiting.section("Steps")[2].contains("held back"))
        #expect(try !shown(ids[2]).has("payment has not answered"))
    }

    @Test func showAsJSON() throws {
        let (seeded, ids) = try shop()
        let (record, silent) = try (
            seeded.record(ids[0].description), seeded.store.read { try SilentParticipant.all(in: $0) }
        )
        let json = try seeded.report(ids[0], surroundings: Surroundings(held: record.held, silent: silent)).json
        #expect(json["held"] == [.string("\(ids[0])/authorize/action/1")])
        #expect(json["silent"]?.array?.first?["participant"] == "payment")
        #expect(json["silent"]?.array?.first?["held"] == 2)
    }
}
