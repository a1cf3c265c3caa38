import BusConformance
import RabbitMQBus
import SagaBus
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// The broker that tests may use: `SKALD_TEST_BROKER_URL=$(scripts/broker start)`.
enum TestBroker {
    static let url = getenv("SKALD_TEST_BROKER_URL").map { String(cString: $0) }
    static let isThere: Bool = url != nil
    static let missing: Comment = "set SKALD_TEST_BROKER_URL to what scripts/broker start prints"
}

@Suite(.enabled(if: TestBroker.isThere, TestBroker.missing))
struct RabbitMQBusTests {
    let url: String

    init() throws { url = try #require(TestBroker.url) }

    @Test(arguments: BusCheck.all)
    func conforms(_ check: BusCheck) async throws {
        try await run(check, queueKind: .classic)
    }

    @Test(arguments: BusCheck.all.filter { !$0.isForClassicQueuesOnly })
    func conformsWithQuorumQueues(_ check: BusCheck) async throws {
        try await run(check, queueKind: .quorum)
    }

    private func run(_ check: BusCheck, queueKind: Topology.QueueKind) async throws {
        var options = RabbitMQOptions()
        options.exclusivePatience = .milliseconds(300)
        options.queueKind = queueKind
        try await check.run { [url, options] in try RabbitMQBus(url: url, options: options) }
    }
}
