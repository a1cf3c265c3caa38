import ArgumentParser
import SagaCore

/// What every operator verb takes.
struct OperatorOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The saga's id, or its business key.", valueName: "id|key"))
    var saga: String

    @Option(help: "Why; kept in the saga's history.")
    var reason: String?

    @Option(
        name: .customLong("expect"),
        help: ArgumentHelp(
            "Only if the saga's history still ends with this number (skald show tells it).", valueName: "sequence"))
    var expectedSequence: Int?

    @Option(
        name: .customLong("request-id"),
        help: "Names the request: repeated with the same id it is applied once. Default: a new one.")
    var requestID: String?

    func validate() throws { try validateRequestID(requestID) }

    @OptionGroup var data: DataOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var definitions: DefinitionOptions
    @OptionGroup var output: OutputOptions
}

/// One that the worker could not answer to would only be waited for.
func validateRequestID(_ id: String?) throws {
    guard let id else { return }
    guard (1...200).contains(id.utf8.count), id == id.escapedForTerminal else {
        throw ValidationError("--request-id wants 1 to 200 bytes without control characters")
    }
}
