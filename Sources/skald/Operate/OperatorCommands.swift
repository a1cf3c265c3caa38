import ArgumentParser
import SagaCore

struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask again, with a fresh budget: a saga that is backing off or stuck.",
        discussion: """
            A step that was refused for good is asked under a new id (a new round); one whose outcome is unknown under \
            the same id, so that it cannot take effect twice.

            Examples:
              skald retry 0G7Q9C3M2R0A4
              skald retry 10248 --step settle-order --reason "ledger is back"
            """)

    @OptionGroup var options: OperatorOptions
    @Option(help: "Only this step.") var step: String?

    func run() async throws { try await options.apply(.retry, ["step": step.json]) }
}

struct Skip: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Pass over a stuck step, or over its compensation.",
        discussion: """
            Takes effect when the participant has closed the step, so that a late command cannot do it after all. If the \
            participant answers that the step had taken effect, that wins. The pivot cannot be skipped.

            Example:
              skald skip 0G7Q9C3M2R0A4 --step settle-order --reason "booked by hand"
            """)

    @OptionGroup var options: OperatorOptions
    @Option(help: "The stuck step.") var step: String
    @Option(help: ArgumentHelp("What later steps need of its output.", valueName: "json"), transform: jsonObject)
    var output: JSONValue?

    func run() async throws { try await options.apply(.skip, ["step": .string(step), "output": output]) }
}

struct Resolve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what became of a stuck step.",
        discussion: """
            --as succeeded: its effect is there (for a stuck compensation: it was undone by hand).
            --as failed: it had no effect (for a stuck compensation: the compensation is sent again).
            Takes effect when the participant has closed the step; if it answers with an effect, that wins.

            Examples:
              skald resolve 10248 --step record-order --as failed
              skald resolve 10248 --step capture-payment --as succeeded \\
                --output '{"capture":"cap_91"}'
            """)

    enum Claim: String, ExpressibleByArgument, CaseIterable { case succeeded, failed }

    @OptionGroup var options: OperatorOptions
    @Option(help: "The stuck step.") var step: String
    @Option(name: .customLong("as"), help: "succeeded or failed.") var claim: Claim
    @Option(help: ArgumentHelp("What later steps need of its output.", valueName: "json"), transform: jsonObject)
    var output: JSONValue?

    func run() async throws {
        try await options.apply(
            .resolve, ["step": .string(step), "as": .string(claim.rawValue), "output": output])
    }
}

struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Undo a running saga that is before its point of no return.",
        discussion: """
            Example:
              skald cancel 10248 --reason "customer rang"
            """)

    @OptionGroup var options: OperatorOptions

    func run() async throws { try await options.apply(.cancel, [:]) }
}

struct Abandon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Close a saga without undoing anything; says which effects stay and which are still possible.",
        discussion: """
            Needs a reason. No new command is sent for this saga. One that was sent and not answered, or that waits in \
            the outbox for the broker, may still take effect: its step is among those the answer lists as still possible.

            Example:
              skald abandon 0G7Q9C3M2R0A4 --reason "refunded by hand, ticket 813"
            """)

    @OptionGroup var options: OperatorOptions

    func validate() throws {
        guard let reason = options.reason, !reason.isEmpty else { throw ValidationError("abandon needs --reason") }
    }

    func run() async throws { try await options.apply(.abandon, [:]) }
}

struct PauseSaga: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Send nothing new for a saga; replies are still taken.",
        discussion: """
            Example:
              skald pause 10248 --reason "checking the address"
            """)

    @OptionGroup var options: OperatorOptions

    func run() async throws { try await options.apply(.pause, [:]) }
}

struct ResumeSaga: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Let a paused saga go on.",
        discussion: """
            Example:
              skald resume 10248
            """)

    @OptionGroup var options: OperatorOptions

    func run() async throws { try await options.apply(.resume, [:]) }
}

/// A JSON object from the command line.
@Sendable private func jsonObject(_ text: String) throws -> JSONValue {
    guard let value = try? JSONValue.parse(text), value.object != nil else {
        throw ValidationError("--output wants a JSON object like '{\"capture\":\"cap_91\"}'")
    }
    return value
}

extension String? {
    fileprivate var json: JSONValue? { map { .string($0) } }
}

extension OperatorOptions {
    fileprivate func apply(_ verb: OperatorVerb, _ members: [String: JSONValue?]) async throws {
        try await reportingFailures {
            if let output = members["output"] ?? nil, output.hasPlaceholder {
                throw CommandFailure(.usage, "put the real values in place of each … in --output")
            }
            let id = try SagaLookup(data).saga(saga)
            var body: JSONObject = ["saga": .string(id.description)]
            for (name, value) in members.sorted(by: { $0.key < $1.key }) { body[name] = value }
            body["reason"] = reason.map { .string($0) }
            body["expect"] = expectedSequence.map { .number(JSONNumber(Int64($0))) }
            try await OperatorSession(data: data, broker: broker, definitions: definitions, output: output)
                .apply(verb: verb, body: body, requestID: requestID, touching: id)
        }
    }
}

extension JSONValue {
    /// What `skald show` writes where only a person knows the value.
    static let placeholder = JSONValue.string("…")

    fileprivate var hasPlaceholder: Bool {
        if let members = object?.members { return members.contains { $0.value.hasPlaceholder } }
        return self == Self.placeholder || array?.contains(where: \.hasPlaceholder) == true
    }
}
