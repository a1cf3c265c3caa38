import SagaBus
import SagaCore
import SagaStore

/// A message that has been committed to the outbox, to be published.
package struct OutboxMessage: Sendable, Hashable {
    package let id: OutboxRowID
    package let saga: SagaID?
    /// Set for commands.
    package let command: CommandID?
    package let message: Message

    package var exchange: String { message.exchange }
    package var routingKey: String { message.routingKey }
    package var body: [UInt8] { message.body }

    init(id: OutboxRowID, saga: SagaID?, command: CommandID?, message: Message) {
        self.id = id
        self.saga = saga
        self.command = command
        self.message = message
    }

    /// As it is read from the file.
    package init(_ row: OutboxRow) {
        self.init(id: row.id, saga: row.saga, command: row.command, message: Message(row))
    }

    /// As it is written to the file.
    var row: OutboxRow {
        OutboxRow(
            id: id, saga: saga, command: command, exchange: message.exchange, routingKey: message.routingKey,
            isMandatory: message.isMandatory, properties: message.properties.encodedJSON, body: message.body)
    }
}

extension Message {
    package init(_ row: OutboxRow) {
        self.init(
            exchange: row.exchange, routingKey: row.routingKey,
            properties: MessageProperties(json: (try? JSONValue.parse(row.properties, limits: .stored)) ?? .null),
            body: row.body, isMandatory: row.isMandatory)
    }
}

package typealias OutboxRowID = Int64
