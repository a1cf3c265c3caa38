import ArgumentParser
import Foundation
import SagaCore
import SagaYAML

/// Reads a file of settings that a command was given; what is wrong with it is printed, each with its line.
func readingSettings<Settings>(of path: String, _ read: (SettingsFile) throws -> Settings) throws -> Settings {
    guard FileManager.default.fileExists(atPath: path) else {
        throw CommandFailure(.noInput, "no such file: \(path.escapedForTerminal)")
    }
    do {
        return try read(SettingsFile(path: path))
    } catch let problems as SourceProblems {
        for problem in problems.problems { Terminal.standardError.line("\(problem)") }
        throw ExitCode(CommandFailure.Kind.refused.rawValue)
    }
}
