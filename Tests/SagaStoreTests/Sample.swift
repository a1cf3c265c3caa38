import Foundation
import SagaCore

@testable import SagaStore

/// Sagas to store: one definition of two steps, and what the machine makes of it.
enum Sample {
    static let now = SagaID.epoch.adding(milliseconds: 1_000_000)

    static let definition: SagaDefinition = {
        let json: JSONValue = [
            "saga": "shop", "version": 1, "key": "${input.order}", "deadline": "15m",
            "steps": [
                [
                    "name": "reserve", "participant": "stock", "action": "stock.reserve",
                    "compensation": "stock.release", "with": ["order": "${input.order}"], "timeout": "1s",
                ],
                [
                    "name": "charge", "participant": "bank", "action": "bank.charge", "compensation": "bank.refund",
                    "with": ["place": "${steps.reserve.place}"], "timeout": "1s",
                ],
            ],
        ]
        guard let definition = DefinitionReader.read(json).definition else {
            preconditionFailure("the sample is a good definition")
        }
        return definition
    }()

    static func id(_ number: Int) -> SagaID { SagaID(milliseconds: 1000, shard: 0, sequence: number) }

    /// Starts a saga in the store.
    @discardableResult
    static func start(_ number: Int, key: String? = nil, at now: Timestamp = now, in store: SagaStore) throws
        -> SagaState
    {
        let key = key ?? "order-\(number)"
        var random = SplitMix64(seed: UInt64(number))
        let decision = try SagaMachine.start(
            id(number), definition: definition, requestID: "request-\(number)", input: ["order": .string(key)],
            at: now, using: &random)
        try store.write { transaction in
            try transaction.save(definition, at: now)
            try transaction.claimKey(
                key, name: definition.name,
                for: KeyOwner(saga: id(number), inputHash: SHA256.hex(Array(key.utf8)), again: nil))
            try transaction.insert(decision.state)
            try transaction.append(decision.events, of: decision.state, at: now)
        }
        return decision.state
    }

    /// Gives a stored saga an input.
    @discardableResult
    static func decide(
        _ state: SagaState, _ input: SagaInput, at now: Timestamp = now, in store: SagaStore
    ) throws -> SagaState {
        var random = SplitMix64(seed: 7)
        let decision = try SagaMachine.decide(state, input, at: now, using: &random)
        try store.write { transaction in
            try transaction.update(decision.state)
            try transaction.append(decision.events, of: decision.state, at: now)
        }
        return decision.state
    }

    static func reply(_ state: SagaState, _ step: String, _ outcome: Outcome, _ body: JSONValue = [:]) -> SagaInput {
        .reply(
            ReplyInput(
                command: CommandID(saga: state.id, step: step, kind: .action, round: 1), attempt: 1, outcome: outcome,
                body: body))
    }
}

/// A directory that goes with this value.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("skald-\(UUID().uuidString)")
        path = url.path
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    static func permissions(of path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
    }
}
