import SagaCore
import SagaYAML
import Testing

@Suite("The sagas that ship")
struct ShippedSagasTests {
    @Test(arguments: ["place-order", "cancel-order"])
    func areAccepted(_ name: String) throws {
        let definition = try DefinitionFile.load(path: Repository.path("sagas/\(name).yaml")).get()
        #expect(definition.name == name)
        #expect(definition.version == 1)
    }

    @Test func placeOrderIsReadAsWritten() throws {
        let definition = try DefinitionFile.load(path: Repository.path("sagas/place-order.yaml")).get()
        let reserve = definition.steps[0]
        #expect(reserve.timeoutMilliseconds == 5_000)
        #expect(reserve.retry.maximumBackoffMilliseconds == 10_000)
        #expect(reserve.compensation == .command("inventory.release"))
        #expect(definition.deadlineMilliseconds == 900_000)
        #expect(definition.events.started == "ORDER_CREATED")
        #expect(definition.pivot == 4)
        #expect(definition.steps[4].after == [2, 3])
        #expect(definition.ancestors[4] == [0, 1, 2, 3])
        #expect(definition.descendants[1] == [2, 3, 4, 5])
        #expect(definition.outputReferences[0] == [["reservation"]])
        #expect(definition.outputReferences[4] == [["capture"]])
        // 5 × 5 s and 3 s of pauses, then twice 5 × 30 s and 3 s: record-order and commit-stock run side by side.
        #expect(definition.worstCaseBeforePointOfNoReturn.milliseconds == 28_000 + 2 * 153_000)
    }
}
