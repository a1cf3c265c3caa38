import ArgumentParser
import Dispatch
import Foundation
import Logging
import OrderServices
import RabbitMQBus
import SagaBus
import SagaCore
import SagaEngine
import SagaStore

struct Worker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the orchestrator: drives sagas over RabbitMQ until it is told to stop.",
        discussion: """
            SIGTERM or SIGINT: finishes the batch, waits for the broker's confirms, exits 0.
            SIGHUP: reads the definitions again; a file that is refused leaves the others as they are.

            Examples:
              skald worker
              skald worker --data-dir /var/lib/skald --sagas /etc/skald/sagas
              skald worker --broker amqp://user:pw@host:5672/shop
              skald worker --user payment=payment-service
              skald worker --prune-after 90d
            """)

    @OptionGroup var data: DataOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var definitions: DefinitionOptions
    @OptionGroup var log: LogOptions

    @Option(
        name: .customLong("in-flight"),
        help: "New sagas are started while fewer than this have a command out.")
    var sagasInFlight = EngineSettings().sagasInFlight

    @Option(
        name: .customLong("user"),
        help: ArgumentHelp(
            "Take a participant's replies only from this broker user; may be repeated.",
            valueName: "participant=user"))
    var users: [String] = []

    @Option(
        help: ArgumentHelp(
            "Remove sagas that ended longer ago than this, at least 30d; their keys stay. Default: never.",
            valueName: "duration"),
        transform: ageForPruning)
    var pruneAfter: Int64?

    func validate() throws {
        guard sagasInFlight > 0 else { throw ValidationError("--in-flight must be at least 1") }
        _ = try participantUsers()
    }

    func run() async throws {
        let stop = await StopSignals()
        // The definitions are read anyway before there is anything to reload.
        signal(SIGHUP, SIG_IGN)
        try await reportingFailures {
            let logger = log.logger("skald.worker")
            let loaded = try definitions.loadForRunning()
            let bus = try broker.bus(named: "skald worker", logger: logger)
            let store = try SagaStore(path: data.storePath)
            try store.claim(transport: bus.brokerName, shard: 0)
            var settings = EngineSettings()
            settings.sagasInFlight = sagasInFlight
            settings.pruneAfter = pruneAfter.map { .milliseconds($0) }
            settings.participantUsers = try participantUsers()
            settings.inputCheck = { Order.check($0, $1) }
            settings.crashPoints = try CrashAt.crashPoints()
            let orchestrator = Orchestrator(
                store: store, bus: bus, settings: settings, definitions: loaded, logger: logger)
            let hangups = reloadOnHangup(orchestrator)
            defer {
                hangups.cancel()
                bus.close()
            }
            do {
                try await stop.run(orchestrator, logger: logger)
            } catch let error as BusError where error.code == .accessRefused {
                throw try await ShardOwner.refusal(over: bus) ?? error
            }
        }
    }

    private func participantUsers() throws -> [String: String] {
        var users: [String: String] = [:]
        for text in self.users {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, Name.isValid(parts[0]) else {
                throw ValidationError("--user wants participant=user")
            }
            users[parts[0]] = parts[1]
        }
        return users
    }

    private func reloadOnHangup(_ orchestrator: Orchestrator) -> any DispatchSourceSignal {
        let source = DispatchSource.makeSignalSource(signal: SIGHUP)
        source.setEventHandler { [definitions] in
            guard let (loaded, problems) = try? definitions.load() else { return }
            for problem in problems { Terminal.standardError.line("\(problem)") }
            orchestrator.reload(loaded)
        }
        source.resume()
        return source
    }
}

extension BrokerOptions {
    func bus(named name: String, logger: Logger) throws -> RabbitMQBus {
        var options = RabbitMQOptions()
        options.connectionName = name
        options.queueKind = queueKind == .quorum ? .quorum : .classic
        do {
            return try RabbitMQBus(url: url, options: options, logger: logger)
        } catch {
            throw CommandFailure(.usage, "\(error)")
        }
    }
}
