import ArgumentParser
import Foundation
import Logging
import OrderServices
import RabbitMQBus
import SagaBus
import SagaCore
import SagaEngine
import SagaStore

struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start sagas from a file: one JSON object, or one a line with --batch.",
        discussion: """
            The same input twice is the same saga: starting is idempotent by the definition's business key. The same key \
            with other input is refused with IDEMPOTENCY_CONFLICT. With a data directory that skald demo has made, the \
            sagas run here and now; otherwise they go to the worker over RabbitMQ, and wait there if none runs.

            Examples:
              skald start place-order --input order.json --wait
              skald start place-order --input orders.jsonl --batch
              cat order.json | skald start place-order --input -
              skald start place-order --input order.json --again 0G7Q9C3M2R0A4
            """)

    @Argument(help: "The saga definition's name, like place-order.")
    var saga: String

    @Option(help: ArgumentHelp("A file, or - for standard input.", valueName: "file"))
    var input: String

    @Flag(help: "The input has one JSON object a line.")
    var batch = false

    @Flag(
        help:
            "Wait until every saga has ended or is stuck; ends with 1 if one is stuck. Needs the worker's data directory."
    )
    var wait = false

    @Option(help: "Use this version of the definition instead of the highest.")
    var version: Int?

    @Option(
        help: ArgumentHelp("The compensated or abandoned saga that this one succeeds.", valueName: "saga-id"),
        transform: sagaID)
    var again: SagaID?

    @OptionGroup var data: DataOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var definitions: DefinitionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if again != nil, batch { throw ValidationError("--again goes with one saga, not with --batch") }
        guard Name.isValid(saga) else { throw ValidationError("a definition's name is like place-order") }
    }

    func run() async throws {
        try await reportingFailures {
            let inputs = try StartInputs(file: input, isBatch: batch)
            let report = StartReport(isJSON: output.isJSON, isBatch: batch, total: inputs.lines.count)
            for problem in inputs.problems { report.refusedLine(problem) }
            let requests = inputs.lines.map { line in
                StartRequest(
                    requestID: "start-\(UUID().uuidString.lowercased())", definition: saga, version: version,
                    again: again, input: line.json)
            }
            let numbers = Dictionary(
                uniqueKeysWithValues: zip(requests.map(\.requestID), inputs.lines.map(\.number)))
            guard !requests.isEmpty else { return try report.finish() }
            if try SystemDirectory(data).isEmbedded {
                try await startEmbedded(requests, numbers, report)
            } else {
                try await startOnBroker(requests, numbers, report)
            }
            try report.finish()
        }
    }

    private func startOnBroker(
        _ requests: [StartRequest], _ numbers: [String: Int], _ report: StartReport
    ) async throws {
        let logger = LogOptions.quiet("skald.start")
        let bus = try broker.bus(named: "skald start", logger: logger)
        try await runOnDedicatedThread {
            defer { bus.close() }
            let client = try SkaldClient(bus: bus)
            try send(requests, numbers, report, through: client)
        }
        guard wait, !report.started.isEmpty else { return }
        // Not before: a worker that has answered has its file, one that has just been started may not have it yet.
        let reader = try data.reader()
        try await report.waitForEnds { try reader.read($0) }
    }

    private func startEmbedded(
        _ requests: [StartRequest], _ numbers: [String: Int], _ report: StartReport
    ) async throws {
        let system = try EmbeddedSystem(
            directory: data.directory, definitions: try definitions.loadForRunning(),
            logger: LogOptions.quiet("skald.embedded"))
        try await system.run {
            try await runOnDedicatedThread {
                try send(requests, numbers, report, through: try SkaldClient(bus: system.bus))
            }
            try await system.waitForRest(of: Set(report.started))
            try await report.waitForEnds { try system.store.read($0) }
        }
    }

    private func send(
        _ requests: [StartRequest], _ numbers: [String: Int], _ report: StartReport, through client: SkaldClient
    ) throws {
        let messages = requests.lazy.map { request in
            var request = request
            request.replyTo = client.answerQueue
            return request.message(shard: 0)
        }
        try client.request(messages, patience: .seconds(15)) { message, result in
            report.take(result, line: numbers[message.properties.messageID ?? ""] ?? 1)
        }
    }
}

/// A saga's id from the command line.
@Sendable func sagaID(_ text: String) throws -> SagaID {
    guard let id = SagaID(text) else {
        throw ValidationError("a saga's id has 13 characters like 0G7Q9C3M2R0A4")
    }
    return id
}

extension LogOptions {
    /// For commands: only what a person must know.
    static func quiet(_ label: String) -> Logger {
        var logger = Logger(label: label) { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .critical
        return logger
    }
}
