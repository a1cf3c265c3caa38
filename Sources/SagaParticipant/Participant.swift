import GRDB
import SagaBus
import SagaCore

/// A service that executes commands: its name, its tables and a handler for each type of command.
public struct Participant: Sendable {
    /// One change to the participant's own tables. Only ever appended; an identifier never changes its meaning.
    public struct Migration: Sendable {
        let identifier: String
        let migrate: @Sendable (Database) throws -> Void

        public init(_ identifier: String, _ migrate: @escaping @Sendable (Database) throws -> Void) {
            self.identifier = identifier
            self.migrate = migrate
        }
    }

    public let name: String
    let handlers: [String: CommandHandler]
    let migrations: [Migration]
    /// What is due by itself, such as letting reservations expire; called about once a minute.
    let maintain: @Sendable (Database, Timestamp) throws -> Void

    public init(
        name: String, migrations: [Migration], handlers: [CommandHandler],
        maintain: @escaping @Sendable (Database, Timestamp) throws -> Void = { _, _ in }
    ) {
        precondition(Name.isValid(name), "a participant's name is [a-z][a-z0-9-]{0,63}")
        self.name = name
        self.migrations = migrations
        self.handlers = Dictionary(handlers.map { ($0.type, $0) }) { _, _ in
            preconditionFailure("a participant has one handler for each type of command")
        }
        self.maintain = maintain
    }

    /// The same one, where `ask` sees each command before its handler, and `then` what has come of it, in the same
    /// transaction; either may throw for it. For harnesses.
    package func asking(
        _ ask: @escaping @Sendable (CommandContext) throws -> Void,
        then: @escaping @Sendable (Database, CommandContext, HandlerEnd) throws -> HandlerResult = { $2.result }
    ) -> Participant {
        Participant(
            name: name, migrations: migrations, handlers: handlers.values.map { $0.asking(ask, then: then) },
            maintain: maintain)
    }

    /// The types of command it understands, sorted.
    public var commandTypes: [String] { handlers.keys.sorted() }
}
