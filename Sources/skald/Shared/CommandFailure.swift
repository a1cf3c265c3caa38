import ArgumentParser
import DurableSQLite
import SagaBus
import SagaCore

/// An end that is no success: one line on standard error that says what to do next, and an exit code.
struct CommandFailure: Error, CustomStringConvertible {
    enum Kind: Int32 {
        /// Something said no, or went wrong.
        case refused = 1
        case usage = 64
        /// A file that is not there, or not what it should be.
        case noInput = 66
        /// The broker or the worker is not there.
        case unavailable = 69
    }
    let kind: Kind
    let message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    var description: String { message }

    /// Prints the line and ends with its exit code.
    func exit() -> ExitCode {
        Terminal.standardError.line(Terminal.standardError.style("error: ", .red) + message)
        return ExitCode(kind.rawValue)
    }
}

/// Runs a command's body; every failure becomes one line and an exit code, never a trace.
func reportingFailures(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch {
        throw failure(of: error)
    }
}

func reportingFailures(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch {
        throw failure(of: error)
    }
}

private func failure(of error: any Error) -> any Error {
    switch error {
    case let failure as CommandFailure: failure.exit()
    case is ExitCode, is CleanExit, is ValidationError: error
    case let error as BusError where error.isTemporary || error.code == .closed:
        CommandFailure(
            .unavailable, "\(error.message.escapedForTerminal) Name another with --broker or SKALD_BROKER_URL."
        ).exit()
    default: CommandFailure(.refused, error.storageTroubleInWords ?? "\(error)".escapedForTerminal).exit()
    }
}
