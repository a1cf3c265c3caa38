import DurableSQLite
import SagaCore

/// Which bus a file belongs to, once and for all.
package enum StoreTransport {
    package static let embedded = "embedded"

    /// What a fact of the file means.
    fileprivate static func words(_ fact: String) -> String {
        switch fact {
        case embedded: "a system without a broker, as skald demo makes it"
        case let broker where broker.contains("://"): "the broker \(broker.escapedForTerminal)"
        default: "shard \(fact.escapedForTerminal)"
        }
    }
}

extension SagaStore {
    /// Ties the file to a transport and shard, for whoever is about to run on it (rule 29).
    ///
    /// - Parameter transport: the broker with its virtual host, or ``StoreTransport/embedded``.
    /// - Throws: `UnusableDatabase` if it belongs to another.
    package func claim(transport: String, shard: Int) throws {
        try write { transaction in
            for (name, value) in [(StoreFact.transport, transport), (StoreFact.shard, "\(shard) of 1")] {
                guard let known = try transaction.fact(name) else {
                    try transaction.setFact(name, to: value)
                    continue
                }
                // A file in which nothing has begun yet may have been opened for the wrong one.
                guard try known == value || transaction.hasNoSagas() else {
                    throw UnusableDatabase(
                        description: """
                            this data directory belongs to \(StoreTransport.words(known)), not to \
                            \(StoreTransport.words(value)); name another with --data-dir
                            """)
                }
                if known != value { try transaction.setFact(name, to: value) }
            }
        }
    }
}
