import BusConformance
import Foundation
import RabbitMQBus
import SagaCore
import SagaStore
import SagaYAML
import Testing

/// `skald prune` as an operator calls it, beside a worker that runs orders over a real broker.
@Suite(.serialized, .enabled(if: RunningSystem.brokerScript != nil, RunningSystem.missing), .timeLimit(.minutes(10)))
struct PruningTests {
    /// More than one request removes.
    private static let old = 1...450
    private static let paused = 451

    @Test("skald prune removes what is old, piece by piece, while orders run; keys stay, and what is open stays")
    func prune() async throws {
        try await RunningSystem.run { system in
            try system.start(.broker)
            let ids = try seed(system)
            try system.start(.worker)
            for service in [RunningSystem.Part.inventory, .payment, .ledger] { try system.startService(service) }
            try system.place(1001...1020)
            try system.awaitEnds(Self.old.count + 20)

            let dry = try system.run(["prune", "--older-than", "30d", "--dry-run"])
            try require(dry.output.hasPrefix("would go: 450 sagas (450 abandoned)"), "\(dry)")
            try require(try system.read { try $0.countByStatus() }[.abandoned] == 450, "nothing has gone")
            try system.place(1021...1040)
            let run = try system.run(["prune", "--older-than", "30d"])
            try require(run.code == 0 && run.output.contains("removed: 450 sagas, 0 settled dead letters"), "\(run)")

            let first = try #require(ids.first)
            let pruned = try system.read { try $0.pruned(first) }
            try require(pruned?.key == "1" && pruned?.status == .abandoned, "\(String(describing: pruned))")
            try require(try system.read { try $0.state(of: first) } == nil, "its history is gone")
            let show = try system.run(["show", "1"])
            try require(show.code == 0 && show.output.contains("has been pruned"), "\(show)")
            let open = try system.read { try $0.countByStatus() }[.running, default: 0]
            try require(
                try open >= 1 && system.run(["show", "\(Self.paused)"]).output.contains("paused"), "it is open")
            let input = system.directory + "/order.json"
            try RunningSystem.order(1).text.write(toFile: input, atomically: true, encoding: .utf8)
            let again = try system.run(["start", "place-order", "--input", input])
            try require(again.code == 0 && again.output.contains("exists already"), "\(again)")
            try require(again.output.contains(first.description), "\(again)")

            try system.awaitEnds(40)
            let check = try system.run(["check", "--integrity"])
            try require(check.code == 0 && check.output.contains("41 sagas read"), "\(check)")
            let nothing = try system.run(["prune", "--older-than", "30d"])
            try require(nothing.code == 0 && nothing.output.hasPrefix("removed: 0 sagas"), "\(nothing)")
            try system.expectRest(sagas: 40)
        }
    }

    /// A worker's file of forty days ago: orders that were abandoned then, and one that is still paused.
    private func seed(_ system: RunningSystem) throws -> [SagaID] {
        let store = try SagaStore(path: system.dataDirectory + "/skald.sqlite")
        try store.claim(transport: RabbitMQBus(url: system.brokerURL).brokerName, shard: 0)
        let definition = try DefinitionFile.load(path: RunningSystem.repository + "/sagas/place-order.yaml").get()
        var random = SplitMix64(seed: 1)
        var ids: [SagaID] = []
        let start = Int64(Date.now.timeIntervalSince1970 * 1000) - 40 * 24 * 3_600_000
        try store.write { transaction in
            try transaction.save(definition, at: Timestamp(milliseconds: start))
            for number in Self.old.lowerBound...Self.paused {
                let now = Timestamp(milliseconds: start + Int64(number))
                let id = SagaID(milliseconds: now - SagaID.epoch, shard: 0, sequence: 0)
                let input = RunningSystem.order(number)
                let begun = try SagaMachine.start(
                    id, definition: definition, requestID: "order-\(number)", input: input, at: now, using: &random)
                try transaction.insert(begun.state)
                let owner = KeyOwner(saga: id, inputHash: SHA256.hex(input.canonical), again: nil)
                try transaction.claimKey("\(number)", name: definition.name, for: owner)
                try transaction.append(begun.events, of: begun.state, at: now)
                let verb: OperatorVerb = number == Self.paused ? .pause : .abandon
                let request = OperatorRequest(id: "request-\(number)", verb: verb, reason: "test")
                let decided = try SagaMachine.decide(begun.state, .request(request), at: now, using: &random)
                try transaction.append(decided.events, of: decided.state, at: now)
                try transaction.update(decided.state)
                ids.append(id)
            }
        }
        return ids
    }
}
