import SagaBus

/// One thing every ``MessageBus`` must do.
public struct BusCheck: Sendable, CustomStringConvertible {
    public let description: String
    /// Quorum queues give back to no particular place, and their broker ignores that a consumer is exclusive.
    public let isForClassicQueuesOnly: Bool
    /// Gets a bus and a prefix that no other check uses for its names. Blocks: runs on a dedicated thread.
    private let body: @Sendable (any MessageBus, String) throws -> Void

    init(
        _ description: String, isForClassicQueuesOnly: Bool = false,
        _ body: @escaping @Sendable (any MessageBus, String) throws -> Void
    ) {
        self.description = description
        self.isForClassicQueuesOnly = isForClassicQueuesOnly
        self.body = body
    }

    public func run(over makeBus: @escaping @Sendable () throws -> any MessageBus) async throws {
        let body = body
        try await runOnDedicatedThread {
            let bus = try makeBus()
            defer { bus.close() }
            try body(bus, uniqueName())
        }
    }

    public static let all: [BusCheck] = routing + publishing + consuming
}

/// A name no other test run uses on the same broker.
public func uniqueName() -> String {
    "test-" + String(UInt64.random(in: .min ... .max), radix: 36)
}

extension MessageBus {
    /// Declares one queue, reachable through the default exchange.
    func declareQueue(_ name: String) throws {
        try declare(Topology(queues: [.init(name, isTemporary: false)]))
    }

    func openConsumer(_ queue: String, prefetch: Int = 256, exclusive: Bool = false, into watcher: Watcher) throws
        -> any BusConsumer
    {
        let consumer = try openConsumer(
            ConsumerID(queue), queue: queue, options: ConsumerOptions(prefetch: prefetch, isExclusive: exclusive),
            mailbox: watcher.mailbox)
        return consumer
    }
}
