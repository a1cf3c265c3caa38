import ArgumentParser
import DurableSQLite
import Foundation
import OrderServices
import RabbitMQBus
import SagaCore
import SagaParticipant

extension OrderService: ExpressibleByArgument {}

struct ServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service",
        abstract: "Run one of the order services: inventory, payment or ledger.",
        discussion: """
            Each keeps its own database in the data directory. SIGTERM or SIGINT: finishes what it has begun, exits 0. \
            The lines of a stock file look like {"sku":"11","onHand":22}.

            Examples:
              skald service inventory --stock stock.jsonl
              skald service payment
              skald service ledger --data-dir /var/lib/ledger
            """)

    @Argument(help: "inventory, payment or ledger.")
    var name: OrderService

    @Option(
        help: ArgumentHelp("Count in this stock first; a file is counted in once. inventory only.", valueName: "file"))
    var stock: String?

    @OptionGroup var data: DataOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var log: LogOptions

    func validate() throws {
        if stock != nil, name != .inventory { throw ValidationError("--stock goes with inventory") }
    }

    func run() async throws {
        let stop = await StopSignals()
        try await reportingFailures {
            let logger = log.logger("skald.\(name.rawValue)")
            let bus = try broker.bus(named: "skald service \(name.rawValue)", logger: logger)
            let service = try name.open(directory: data.directory)
            if let stock { try receive(stock, service) }
            defer { bus.close() }
            var settings = ParticipantSettings()
            settings.crashPoints = try CrashAt.crashPoints()
            try await stop.run(service.service(over: bus, settings: settings, logger: logger), logger: logger)
        }
    }

    private func receive(_ file: String, _ service: OpenOrderService) throws {
        let text = try InputFile.text(at: file)
        let receipt = try service.receiveStock(text, now: .wallClock)
        Terminal.standardError.line(
            "stock: \(receipt.units) units of \(receipt.received) SKUs received, \(receipt.known) lines known already")
    }
}
