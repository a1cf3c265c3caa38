import BusConformance
import SagaBus
import Testing

@Suite struct InMemoryBusTests {
    @Test(arguments: BusCheck.all)
    func conforms(_ check: BusCheck) async throws {
        try await check.run { InMemoryBus() }
    }
}
