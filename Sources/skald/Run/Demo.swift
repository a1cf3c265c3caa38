import ArgumentParser
import DurableSQLite
import Foundation
import OrderServices
import SagaBus
import SagaCore
import SagaEngine
import SagaStore

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a few hundred generated orders in this process, no broker needed, and show how they end.",
        discussion: """
            Some cards are declined, some shelves are empty, the card gateway times out now and then. The files stay in \
            the directory, so that skald list, show, history and the operator's commands work on them. A second demo \
            replaces the files of the first.

            Examples:
              skald demo
              skald demo --orders 2000 --seed 7 --data-dir /tmp/shop
            """)

    @Option(help: "How many orders.") var orders = 400
    @Option(help: "The same seed makes the same orders.") var seed: UInt64 = 1
    @Option(
        name: .customLong("data-dir"),
        help: ArgumentHelp("Where the files go (default skald-demo).", valueName: "dir"))
    var directory = "skald-demo"
    @OptionGroup var definitions: DefinitionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...1_000_000).contains(orders) else { throw ValidationError("--orders must be 1 to 1000000") }
        guard !directory.isEmpty else { throw ValidationError("--data-dir is empty; leave it out for skald-demo") }
    }

    func run() async throws {
        try await reportingFailures {
            let loaded = try definitions.loadForRunning()
            try DemoDirectory(directory).clear()
            let system = try EmbeddedSystem(
                directory: directory, definitions: loaded, logger: LogOptions.quiet("skald.demo"))
            try system.store.write { try $0.setFact(DemoDirectory.fact, to: "yes") }
            var shop = DemoOrders(seed: seed)
            _ = try system.service(.inventory).receiveStock(shop.stock(for: orders), now: .wallClock)
            let inputs = (1...orders).map { shop.order($0) }

            let clock = ContinuousClock()
            let begin = clock.now
            let orders = self.orders
            try await system.run {
                try await runOnDedicatedThread { try place(inputs, in: system) }
                var progress = ProgressBar("orders", of: orders)
                try await system.waitForRest { progress.show(orders - $0) }
                progress.clear()
            }
            let seconds = begin.duration(to: clock.now).seconds
            try DemoReport(system: system, directory: directory, orders: orders, seconds: seconds)
                .show(asJSON: output.isJSON)
        }
    }

    private func place(_ inputs: [JSONValue], in system: EmbeddedSystem) throws {
        let client = try SkaldClient(bus: system.bus)
        let messages = inputs.enumerated().map { index, input in
            StartRequest(
                requestID: "demo-\(index)", definition: "place-order", replyTo: client.answerQueue, input: input
            ).message(shard: 0)
        }
        try client.request(messages, patience: .seconds(60)) { _, result in
            guard case .answered(let answer) = result, answer.kind == .accepted else {
                throw CommandFailure(.refused, "an order was not accepted")
            }
        }
    }
}

/// The files of a demo, and only those, may be replaced by the next one.
struct DemoDirectory {
    static let fact = "demo"
    private let path: String

    init(_ path: String) { self.path = path }

    func clear() throws {
        let store = path + "/skald.sqlite"
        guard FileManager.default.fileExists(atPath: store) else {
            let services = OrderService.allCases.map { "\(path)/\($0.rawValue).sqlite" }
            guard !services.contains(where: { FileManager.default.fileExists(atPath: $0) }) else {
                throw CommandFailure(.refused, "\(path) holds a service that is no demo; name another with --data-dir")
            }
            return
        }
        let reader: SagaStoreReader
        do {
            reader = try SagaStoreReader(path: store)
        } catch is DatabaseNotSetUp {
            // One that was killed before it began: there is nothing to replace.
            return
        }
        guard try reader.read({ try $0.fact(Self.fact) }) == "yes" else {
            throw CommandFailure(.refused, "\(path) holds a system that is no demo; name another with --data-dir")
        }
        if FileLock.isHeld(path: store + ".lock") {
            throw CommandFailure(.refused, "another demo is running in \(path)")
        }
        for name in ["skald", "gateway"] + OrderService.allCases.map(\.rawValue) {
            for suffix in ["", "-wal", "-shm", ".lock"] {
                try? FileManager.default.removeItem(atPath: "\(path)/\(name).sqlite\(suffix)")
            }
        }
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
