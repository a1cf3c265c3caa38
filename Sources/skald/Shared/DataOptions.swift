import ArgumentParser
import Foundation

/// Where the files are: flag, then environment, then default.
struct DataOptions: ParsableArguments {
    @Option(
        name: .customLong("data-dir"),
        help: ArgumentHelp("Directory of the database files (SKALD_DATA_DIR, else skald-data).", valueName: "dir"))
    var dataDirectoryFlag: String?

    func validate() throws {
        if dataDirectoryFlag == "" { throw ValidationError("--data-dir is empty; leave it out for skald-data") }
    }

    var directory: String {
        dataDirectoryFlag ?? ProcessInfo.processInfo.environment["SKALD_DATA_DIR"].flatMap { $0.isEmpty ? nil : $0 }
            ?? "skald-data"
    }

    /// The orchestrator's database.
    var storePath: String { directory + "/skald.sqlite" }
}

/// Which broker: flag, then environment, then default.
struct BrokerOptions: ParsableArguments {
    @Option(
        name: .customLong("broker"),
        help: ArgumentHelp(
            "Address of RabbitMQ (SKALD_BROKER_URL, else amqp://guest:guest@127.0.0.1:5672/).", valueName: "url"))
    var brokerFlag: String?

    @Option(name: .customLong("queue-type"), help: "classic or quorum; the same for all processes of a system.")
    var queueKind: QueueKindArgument = .classic

    var url: String {
        brokerFlag ?? ProcessInfo.processInfo.environment["SKALD_BROKER_URL"].flatMap { $0.isEmpty ? nil : $0 }
            ?? "amqp://guest:guest@127.0.0.1:5672/"
    }
}

enum QueueKindArgument: String, ExpressibleByArgument, CaseIterable {
    case classic, quorum
}

struct OutputOptions: ParsableArguments {
    @Flag(name: .customLong("json"), help: "Print JSON, one document or one object a line, for scripts.")
    var isJSON = false
}
