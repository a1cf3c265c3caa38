import SagaBus
import SagaCore
import Testing

@testable import SagaSimulator

@Suite("Each planted bug is caught", .serialized)
struct PlantedBugTests {
    /// Faults under which a bug shows soon. That it shows at all is what is tested; among all faults at once it does as
    /// well, after more seeds.
    private static func scenario(for bug: PlantedBug) -> Scenario {
        func with(
            _ rates: [SimulatedFault: Double], hasty: Bool = false, seconds: ClosedRange<Int64> = 60...120,
            swarm: Bool = false, orders: ClosedRange<Int> = 3...4
        ) -> Scenario {
            Scenario(
                name: bug.rawValue, orders: orders,
                faultMilliseconds: seconds.lowerBound * 1000...seconds.upperBound * 1000, rates: rates, isSwarm: swarm,
                isHasty: hasty)
        }
        switch bug {
        case .acknowledgesBeforeCommit, .publishesBeforeCommit, .hasNoBarrier: return .calm
        case .removesRowBeforeConfirm: return with([.crashWorker: 0.02])
        case .takesReturnedForDelivered: return with([.deleteQueue: 0.1])
        case .forgetsTimersOnRestart: return with([.crashWorker: 0.05, .loseMessage: 0.1])
        case .outageUsesBudget: return with([.stopBroker: 0.02, .blockBroker: 0.05])
        case .cachesBeforeCommit: return with([.failCommit: 0.2])
        case .forgetsBusinessKeys: return with([.repeatStart: 1])
        case .dropsWhatComesAgain: return with([.breakConnection: 0.1])
        case .succeedsCompleted: return with([.repeatStart: 1])
        case .announcesWrongly, .forgetsOutput: return with([.refuseAction: 0.2])
        case .leavesReplacedRow: return with([.deleteQueue: 0.1])
        case .usesRowsAgain: return with([.failCommit: 0.2])
        case .clockFollowsWall: return with([.crashWorker: 0.05, .jumpClock: 0.001])
        case .trustsFailedCommit, .forgetsConfirmedSingly: return with([.failCommit: 0.3], seconds: 5...10)
        case .returnedHasNotLeft: return with([.deleteQueue: 0.1], hasty: true)
        case .takesSlowForSilent, .renewsBudget, .pausesForNothing: return with([.loseMessage: 0.2])
        case .neverTakesForBack, .keepsHeldForNobody:
            return with([.crashParticipant: 0.1, .loseMessage: 0.2], hasty: true)
        case .letsInOneByOne: return with([.crashParticipant: 0.1, .loseMessage: 0.3], hasty: true, seconds: 300...400)
        case .losesHeldOnRestart:
            return with([.crashWorker: 0.02, .crashParticipant: 0.1, .loseMessage: 0.3], hasty: true)
        case .forgetsToPublishLater:
            return with([.crashWorker: 0.05, .stopBroker: 0.02], seconds: 200...300, swarm: true)
        case .firesBeforeDrained: return with([.crashWorker: 0.05, .loseMessage: 0.2], hasty: true)
        case .succeedsEarlier, .forgetsEarlierStarts: return with([.repeatStart: 1, .refuseAction: 0.4])
        case .forgetsPruned, .prunesEarly: return with([.repeatStart: 1], seconds: 200...300)
        case .losesTrace: return .calm
        case .leavesUnknownStep: return with([.loseMessage: 0.2, .delayMessage: 0.1], hasty: true)
        case .dropsStepBackingOff:
            return with([.loseMessage: 0.4, .refuseAction: 0.2, .operatorRequest: 1], hasty: true, seconds: 5...10)
        case .compensatesUnknownPivot: return with([.silentGateway: 0.9], hasty: true)
        case .deadlineAfterPivot: return with([.silentGateway: 0.9], seconds: 1000...1100)
        case .cancelAfterPivot: return with([.operatorRequest: 1, .silentGateway: 0.8], seconds: 20...40)
        case .sendsWhilePaused: return with([.operatorRequest: 1], seconds: 5...10)
        case .forgetsDeadline: return with([.loseMessage: 0.4, .handlerError: 0.3], hasty: true)
        case .forgetsCancel: return with([.operatorRequest: 1, .handlerError: 0.3], seconds: 5...10)
        case .forgetsAnswers: return with([.operatorRequest: 1])
        case .heedsEarlierRound: return with([.operatorRequest: 1, .refuseForGood: 0.5, .duplicateMessage: 0.5])
        case .leavesOutputUnchecked: return with([.incompleteReply: 0.2])
        case .goesOnOverContradiction: return with([.contradictReply: 0.3, .refuseAction: 0.1])
        case .countsThePause: return with([.operatorRequest: 1, .loseMessage: 0.5], hasty: true)
        case .decidesOverFence: return with([.operatorRequest: 1, .loseMessage: 0.35], hasty: true, orders: 10...12)
        case .failureAfterPivotCompensates: return with([.refuseForGood: 0.5])
        case .compensatesForward, .compensatesUnderActionID: return with([.refuseAction: 0.2])
        case .lateSuccessRevives: return with([.loseMessage: 0.1, .delayMessage: 0.3, .refuseAction: 0.2], hasty: true)
        case .retriesUnderNewID: return with([.loseMessage: 0.3])
        case .resolvesWithoutFence: return with([.refuseForGood: 0.5, .refuseAction: 0.2, .operatorRequest: 0.3])
        case .barrierOutsideTransaction: return with([.crashParticipant: 0.05])
        case .laysNoTombstone: return with([.loseMessage: 0.3], hasty: true)
        case .ignoresTombstone: return with([.delayMessage: 0.3, .refuseAction: 0.2], hasty: true)
        case .recordsNoEmptyCompensation: return with([.loseMessage: 0.3], hasty: true)
        case .keepsWhatFailed: return with([.handlerError: 0.2])
        case .acknowledgesBeforeConfirm, .forgetsEarly, .forgetsLines, .oversells, .refusesTheLastOne: return .calm
        case .returnsFirstSale: return with([.repeatStart: 1, .refuseAction: 0.2])
        case .queueLosesReturned, .queueForgetsDelivery: return with([.breakConnection: 0.1])
        case .keepsRetry: return with([.handlerError: 0.2])
        case .forgetsFailed: return with([.refuseAction: 0.3, .duplicateMessage: 0.5])
        case .fenceClosesNothing: return with([.loseMessage: 0.3], hasty: true)
        case .takesSilenceForRefusal, .callsUnderNewKey, .dropsUnsettledCall: return with([.lostGatewayAnswer: 0.5])
        }
    }

    /// Far more than any of them takes.
    private static let mostSeeds: UInt64 = 100

    @Test("caught by name", arguments: PlantedBug.allCases)
    func caught(_ bug: PlantedBug) async throws {
        let definitions = try Sagas.shipped()
        let (seeds, violation) = try await runOnDedicatedThread {
            try PlantedBug.$active.withValue(bug) {
                let databases = try Databases()
                for seed in 1...Self.mostSeeds {
                    let plan = Plan(seed: seed, of: Self.scenario(for: bug))
                    let verdict = try Simulation.run(plan, on: databases, definitions: definitions)
                    if let violation = verdict.violations.first { return (seed, violation) }
                }
                return (Self.mostSeeds, "nothing")
            }
        }
        print("planted: \(bug.rawValue): \(seeds) seeds: \(violation)")
        #expect(violation != "nothing", "\(bug.rawValue) was not noticed in \(seeds) seeds")
    }

    @Test("the same seeds without a bug hold", arguments: PlantedBug.allCases)
    func soundWithout(_ bug: PlantedBug) async throws {
        let definitions = try Sagas.shipped()
        let failing = try await runOnDedicatedThread {
            let databases = try Databases()
            return try (UInt64(1)...3).flatMap { seed in
                let plan = Plan(seed: seed, of: Self.scenario(for: bug))
                return try Simulation.run(plan, on: databases, definitions: definitions).violations
            }
        }
        #expect(failing == [])
    }
}
