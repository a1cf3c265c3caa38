import DurableSQLite
import GRDB
import SagaCore

extension StoreView {
    /// A stored definition.
    ///
    /// - Throws: `INTERNAL` if what is stored cannot be read by this version.
    package func definition(hash: String) throws -> SagaDefinition? {
        guard
            let source = try String.fetchOne(
                db, cachedSQL: "SELECT source FROM definitions WHERE hash = ?", arguments: [hash])
        else { return nil }
        let unreadable = Refusal(code: .internal, path: "definition", message: "the stored definition is unreadable")
        guard let json = try? JSONValue.stored(source), let definition = DefinitionReader.read(json).definition else {
            throw unreadable
        }
        return definition
    }

    /// Content hashes under which sagas of this name and version are still open.
    package func openContents(name: String, version: Int) throws -> Set<String> {
        var contents: Set<String> = []
        try db.eachRow(
            "SELECT DISTINCT definition FROM sagas WHERE ended_at IS NULL AND name = ? AND version = ?", name, version
        ) { contents.insert($0.text(0)) }
        return contents
    }
}

extension StoreTransaction {
    /// Keeps a definition, so that its sagas never depend on the file again.
    package func save(_ definition: SagaDefinition, at now: Timestamp) throws {
        try run(
            """
            INSERT INTO definitions (hash, name, version, source, loaded_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (hash) DO NOTHING
            """,
            [
                definition.contentHash, definition.name, definition.version, definition.source.text,
                now.milliseconds,
            ])
    }
}
