import ArgumentParser

/// What `skald bench` starts beside itself, and the engine for a profiler.
struct BenchPart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-part", abstract: "A part of the bench, by itself.", shouldDisplay: false,
        subcommands: [BenchRelay.self, BenchEcho.self, BenchEngine.self])
}
