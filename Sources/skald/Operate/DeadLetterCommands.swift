import ArgumentParser
import DurableSQLite
import SagaBus
import SagaCore
import SagaStore

struct ReplayDeadLetters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Send them again to where they were going, once the cause is gone.",
        discussion: """
            If one of them is not safe to replay (skald dead-letters show says why) nothing is sent, unless --force is \
            given. A message that still cannot be handled comes back as a new dead letter.

            Examples:
              skald dead-letters replay 7 --reason "payment runs again, ticket 812"
              skald dead-letters replay 7 8 9 --reason "definition installed" --json
            """)

    @OptionGroup var options: DeadLetterOptions
    @Flag(help: "Also those that are not safe to replay.") var force = false

    func run() async throws {
        try await options.apply(.replay) { records in
            guard !force else { return }
            for record in records where record.outlook.safety == .unsafe {
                throw CommandFailure(
                    .refused,
                    """
                    nothing was sent: \(record.letter.id) is not safe to replay: \(record.outlook.what); \
                    --force sends it all the same
                    """)
            }
        }
    }
}

struct DiscardDeadLetters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard",
        abstract: "Close them: nothing is sent, they stay in the file with your reason.",
        discussion: """
            Examples:
              skald dead-letters discard 7 --reason "a test message"
              skald dead-letters discard 7 8 9 --reason "orders started anew, ticket 812"
            """)

    @OptionGroup var options: DeadLetterOptions

    func run() async throws { try await options.apply(.discard) { _ in } }
}

/// What `replay` and `discard` take.
struct DeadLetterOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("Their numbers in the list.", valueName: "number")) var numbers: [Int64]
    @Option(help: "Why; kept with the dead letter.") var reason: String
    @Option(
        name: .customLong("request-id"),
        help: "Names the request: repeated with the same id it is applied once to each. Default: a new one.")
    var requestID: String?
    @OptionGroup var data: DataOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var definitions: DefinitionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !reason.isEmpty else { throw ValidationError("--reason wants some words") }
        try validateRequestID(requestID)
    }

    /// Sends one request a letter and tells what came of each. One that is refused leaves the others.
    func apply(_ verb: DeadLetterVerb, checking check: ([DeadLetterRecord]) throws -> Void) async throws {
        try await reportingFailures {
            let records = try data.read { try DeadLetterRecord.find(numbers, in: $0, at: .wallClock) }
            try check(records)
            let id = requestID ?? OperatorSession.newRequestID
            let requests = records.map { record in
                OperatorSession.request(
                    verb.rawValue, ["deadLetter": .number(JSONNumber(record.letter.id)), "reason": .string(reason)],
                    id: "\(id)/\(record.letter.id)")
            }
            // A replayed message may concern any saga, or start one.
            let answers = try await OperatorSession(
                data: data, broker: broker, definitions: definitions, output: output
            ).answers(to: requests, touching: verb == .replay ? nil : [])
            try report(zip(records.map(\.letter.id), requests), answers)
        }
    }

    private func report(
        _ requests: some Sequence<(Int64, OperatorMessage)>, _ answers: OperatorSession.Answers
    ) throws {
        var refused = 0
        for (number, request) in requests {
            guard let answer = answers.given[request.requestID] else { continue }
            let message = answer.body["message"]?.string ?? ""
            if answer.kind == .refused { refused += 1 }
            if output.isJSON {
                var object = answer.body
                object["deadLetter"] = .number(JSONNumber(number))
                object["answer"] = .string(answer.kind.rawValue)
                Terminal.standardOutput.json(.object(object))
            } else if answer.kind == .refused {
                Terminal.standardError.line("\(number): \(answer.refusalText)".escapedForTerminal)
            } else {
                Terminal.standardOutput.line("\(number): \(message)".escapedForTerminal)
            }
        }
        if let failure = answers.failure { throw failure }
        if refused > 0 { throw ExitCode(CommandFailure.Kind.refused.rawValue) }
    }
}
