import ArgumentParser

@main
struct Skald: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skald",
        abstract: "Runs order sagas across services over RabbitMQ, and shows what happened and what can be done.",
        discussion: """
              Try it without a broker:     skald demo
              Look at what it left:        skald list --data-dir skald-demo
              Run it for real:             skald worker, skald service payment, …

            Every command takes --help with examples. Data is kept in --data-dir (or SKALD_DATA_DIR, else skald-data), \
            the broker is --broker (or SKALD_BROKER_URL, else amqp://guest:guest@127.0.0.1:5672/).
            Exit codes: 0 done, 1 refused or failed, 64 wrong usage, 66 no such input, 69 broker or worker not there.
            """,
        version: "0.1.0",
        groupedSubcommands: [
            CommandGroup(name: "Run:", subcommands: [Demo.self, Worker.self, ServiceCommand.self, Chaos.self]),
            CommandGroup(name: "Start sagas:", subcommands: [Start.self]),
            CommandGroup(
                name: "Look:", subcommands: [List.self, Show.self, History.self, DeadLetters.self, Check.self]),
            CommandGroup(
                name: "Operate:",
                subcommands: [
                    Retry.self, Skip.self, Resolve.self, Cancel.self, Abandon.self, PauseSaga.self, ResumeSaga.self,
                    Prune.self,
                ]),
            CommandGroup(name: "Definitions:", subcommands: [Lint.self, Graph.self]),
            CommandGroup(name: "Prove:", subcommands: [Simulate.self, Fuzz.self, Bench.self, BenchPart.self]),
        ])

    @MainActor static func main() async {
        // Before anything waits, so that the main thread never goes to sleep: valgrind 3.19 dies where libdispatch lets it.
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.starts(with: ["bench-part", "engine"]) {
            return BenchEngine.main(Array(arguments.dropFirst(2)))
        }
        Terminal.widenForHelp()
        await main(nil)
    }
}
