import Testing

@testable import SagaCore

@Suite("The order of steps")
struct StepGraphTests {
    @Test func ancestorsAndDescendantsOfADiamond() {
        let graph = StepGraph(after: [[], [0], [0], [1, 2], []])
        #expect(graph.ancestors == [[], [0], [0], [0, 1, 2], []])
        #expect(graph.descendants == [[1, 2, 3], [3], [3], [], []])
        #expect(graph.cycles.isEmpty)
    }

    @Test func ancestorsDoNotDependOnTheOrderOfTheFile() {
        let graph = StepGraph(after: [[1], [2], [3], []])
        #expect(graph.ancestors == [[1, 2, 3], [2, 3], [3], []])
    }

    @Test func eachCycleIsFoundOnceAndWhatHangsOnItIsNone() {
        #expect(StepGraph(after: [[2], [0], [1], [0], []]).cycles == [[0, 2, 1]])
        #expect(StepGraph(after: [[1], [0], [3], [2]]).cycles == [[0, 1], [2, 3]])
        #expect(StepGraph(after: [[0]]).cycles == [[0]])
    }

    @Test func theCriticalPathIsTheHeaviestChainOfTheStepsCounted() {
        let graph = StepGraph(after: [[], [0], [0], [1, 2], [3]])
        let weights: [Int64] = [1, 10, 100, 1_000, 10_000]
        let all = graph.criticalPath(over: StepSet(below: 5)) { weights[$0] }
        #expect(all.total == 11_101)
        #expect(all.path == [0, 2, 3, 4])
        let some = graph.criticalPath(over: [0, 1, 3]) { weights[$0] }
        #expect(some.total == 1_011)
        #expect(some.path == [0, 1, 3])
        #expect(graph.criticalPath(over: []) { weights[$0] }.total == 0)
    }

    @Test func aSetOfSteps() {
        var set: StepSet = [63, 0, 5]
        #expect(Array(set) == [0, 5, 63])
        #expect(set.count == 3 && set.first == 0)
        #expect(set.contains(63) && !set.contains(64) && !set.contains(-1))
        #expect(set.remove(5) == 5)
        #expect(set.remove(5) == nil)
        #expect(set.insert(0).inserted == false)
        #expect(set.union([1]).subtracting([63]) == [0, 1])
        #expect(StepSet([0]).isSubset(of: set) && !StepSet([1]).isSubset(of: set))
        #expect(StepSet(below: 64).count == 64 && StepSet(below: 0).isEmpty)
    }
}
