import ArgumentParser
import Testing

@testable import skald

/// What `--help` says fits a terminal of 80 columns.
@Suite struct HelpTests {
    private static func commands(below command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
        let configuration = command.configuration
        let below = configuration.subcommands + configuration.groupedSubcommands.flatMap(\.subcommands)
        return [command] + below.flatMap { commands(below: $0) }
    }

    @Test("a paragraph is one line, for the terminal to break; an example is a line of its own that fits")
    func discussions() {
        var lines = 0
        for command in Self.commands(below: Skald.self) {
            let discussion = command.configuration.discussion
            for line in discussion.split(separator: "\n") {
                lines += 1
                if line.hasPrefix("  ") {
                    #expect(line.count <= 78, "\(command): \(line)")
                } else {
                    #expect(line.hasSuffix(".") || line.hasSuffix(":"), "broken by hand, \(command): \(line)")
                }
            }
        }
        #expect(lines > 50)
    }
}
