import Foundation
import Logging
import OrderServices
import SagaBus
import SagaCore
import SagaEngine
import SagaParticipant
import SagaStore

/// The orchestrator and all order services in this process, over the embedded bus, on the files of one directory.
final class EmbeddedSystem: Sendable {
    let store: SagaStore
    let bus = InMemoryBus()
    let services: [OpenOrderService]
    private let orchestrator: Orchestrator
    private let logger: Logger

    /// - Throws: `UnusableDatabase`, also when the directory belongs to a RabbitMQ system.
    init(directory: String, definitions: [SagaDefinition], logger: Logger) throws {
        store = try SagaStore(path: directory + "/skald.sqlite")
        try store.claim(transport: StoreTransport.embedded, shard: 0)
        services = try OrderService.allCases.map { try $0.open(directory: directory) }
        var settings = EngineSettings()
        settings.inputCheck = { Order.check($0, $1) }
        orchestrator = Orchestrator(
            store: store, bus: bus, settings: settings, definitions: definitions, logger: logger)
        self.logger = logger
    }

    func service(_ kind: OrderService) -> OpenOrderService {
        guard let service = services.first(where: { $0.kind == kind }) else {
            preconditionFailure("every order service is open")
        }
        return service
    }

    /// Runs everything while `body` runs, then stops it in order.
    func run<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { [orchestrator] in
                try await orchestrator.run()
                return nil
            }
            for service in services {
                group.addTask { [bus, logger] in
                    try await service.service(over: bus, logger: logger).run()
                    return nil
                }
            }
            group.addTask { try await body() }
            while let finished = try await group.next() {
                guard let result = finished else { continue }
                group.cancelAll()
                try await group.waitForAll()
                return result
            }
            throw CommandFailure(.refused, "the embedded system ended before its work was done")
        }
    }

    /// Waits until no saga can go on by itself and no message is under way, telling how many sagas still are.
    ///
    /// - Parameter sagas: only these count; nil: all.
    func waitForRest(of sagas: Set<SagaID>? = nil, _ progress: (Int) -> Void = { _ in }) async throws {
        while true {
            let (moving, unsent) = try underWay(of: sagas)
            progress(moving)
            // Commits come before acknowledgements: what handled messages have caused shows when the file is read again.
            if moving == 0, unsent == 0, bus.isIdle, try underWay(of: sagas) == (0, 0) { return }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func underWay(of sagas: Set<SagaID>?) throws -> (moving: Int, unsent: Int) {
        try store.read { transaction in
            let moving =
                try transaction.nextWake() == nil
                ? 0 : try transaction.movingSagas().filter { sagas?.contains($0) ?? true }.count
            return (moving, try transaction.outboxCount())
        }
    }
}
