import Foundation
import SagaBus
import Testing

/// The command-line tool of this build, run as a process of its own in a directory that goes with this value.
final class CommandLineTool: Sendable {
    let directory: String

    init() throws {
        directory = FileManager.default.temporaryDirectory.path + "/skald-tool-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    private static var executable: String {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/skald"
    }

    struct Run: Sendable {
        let code: Int32
        let output: String
        let errors: String

        var lines: [String] { output.split(separator: "\n").map(String.init) }
        /// Empty where there are not so many.
        func line(_ index: Int) -> String { lines.indices.contains(index) ? lines[index] : "" }
        var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
    }

    /// Runs a command to its end. `shell` wraps the command line, as in `"SKALD list | head -1"`.
    func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> Run {
        try await launch(Self.executable, arguments, environment)
    }

    /// Runs a line of shell in which `$SKALD` is the tool.
    func shell(_ line: String, environment: [String: String] = [:]) async throws -> Run {
        try await launch("/bin/sh", ["-c", line], environment.merging(["SKALD": Self.executable]) { mine, _ in mine })
    }

    private func launch(_ path: String, _ arguments: [String], _ environment: [String: String]) async throws -> Run {
        let directory = directory
        return try await runOnDedicatedThread {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: path)
            process.arguments = arguments
            process.currentDirectoryURL = URL(fileURLWithPath: directory)
            process.environment = [
                "HOME": directory, "PATH": "/usr/bin:/bin", "SKALD_SAGAS_DIR": Self.repository + "/sagas",
                // Where nobody listens: a command must not need a broker without saying so.
                "SKALD_BROKER_URL": "amqp://guest:guest@127.0.0.1:1/",
            ].merging(environment) { _, mine in mine }
            let files = ["out", "err"].map { "\(directory)/.\($0)-\(UUID().uuidString)" }
            let handles = try files.map { file in
                try #require(FileManager.default.createFile(atPath: file, contents: nil))
                return try #require(FileHandle(forWritingAtPath: file))
            }
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = handles[0]
            process.standardError = handles[1]
            try process.run()
            process.waitUntilExit()
            let texts = try files.map { try String(contentsOfFile: $0, encoding: .utf8) }
            return Run(code: process.terminationStatus, output: texts[0], errors: texts[1])
        }
    }
}
