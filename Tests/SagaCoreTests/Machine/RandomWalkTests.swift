import Foundation
import Testing

@testable import SagaCore

/// Hundreds of random lives of each definition; a failing one is printed with its seed.
///
/// `SKALD_WALKS=20000 swift test --filter RandomWalkTests` looks longer.
@Suite struct RandomWalkTests {
    static let walksPerDefinition = ProcessInfo.processInfo.environment["SKALD_WALKS"].flatMap { UInt64($0) } ?? 120

    @Test(
        "Whatever a saga is told, it keeps the rules, and it ends once everybody answers",
        arguments: StoryDefinitions.all)
    func walks(_ definition: SagaDefinition) throws {
        for seed in 0..<Self.walksPerDefinition {
            var walk = try RandomWalk(definition, seed: seed)
            do {
                try Self.finish(&walk, seed)
            } catch {
                Issue.record("\(definition.name), seed \(seed): \(error)\n\(walk.told.joined(separator: "\n"))")
                return
            }
        }
    }

    @Test(
        "Among honest participants effects happen once, the books balance, no dead letter",
        arguments: StoryDefinitions.all)
    func honestWorld(_ definition: SagaDefinition) throws {
        for seed in 0..<Self.walksPerDefinition {
            var world = try HonestWorld(definition, seed: seed)
            do {
                try world.live(steps: Int(seed % 100) + 5)
            } catch {
                Issue.record("\(definition.name), seed \(seed): \(error)\n\(world.told.joined(separator: "\n"))")
                return
            }
        }
    }

    @Test("Every documented transition happens in some life, but those that need a person at the right moment")
    func documentedTransitionsHappen() throws {
        var seen = SeenTransitions()
        for definition in StoryDefinitions.all {
            for seed in 0..<60 as Range<UInt64> {
                var walk = try RandomWalk(definition, seed: seed)
                try Self.finish(&walk, seed)
                seen.add(walk.saga)
            }
        }
        for status in SagaStatus.allCases {
            #expect(Set(status.successors) == seen.sagas[status, default: []], "\(status)")
        }
        // Told in `DecisionStories` and `StuckStories`.
        let rare: [StepStatus: Set<StepStatus>] = [
            .unknown: [.skipped, .inFlight, .compensated], .failed: [.skipped],
            .compensationFailed: [.skipped, .unknown],
        ]
        for status in StepStatus.allCases {
            let known = seen.steps[status, default: []].union(rare[status, default: []])
            #expect(Set(status.successors) == known, "\(status)")
        }
    }

    private static func finish(_ walk: inout RandomWalk, _ seed: UInt64) throws {
        try walk.takeSteps(Int(seed % 100) + 5)
        try walk.bringToAnEnd()
        try walk.saga.checkHistory()
    }
}

/// The transitions that really happened.
private struct SeenTransitions {
    var sagas: [SagaStatus: Set<SagaStatus>] = [:]
    var steps: [StepStatus: Set<StepStatus>] = [:]

    mutating func add(_ saga: CheckedSaga) {
        var state = SagaState(id: saga.state.id, definition: saga.state.definition)
        for (event, at) in saga.history {
            let before = state
            state.evolve(event, at: at)
            if before.status != state.status { sagas[before.status, default: []].insert(state.status) }
            for (old, new) in zip(before.steps, state.steps) where old.status != new.status {
                steps[old.status, default: []].insert(new.status)
            }
        }
    }
}
