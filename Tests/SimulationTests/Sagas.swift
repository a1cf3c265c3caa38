import SagaCore
import SagaYAML
import Testing

/// The sagas that ship with Skald.
enum Sagas {
    static func shipped() throws -> [SagaDefinition] {
        let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/sagas"
        return try ["place-order", "cancel-order"].map { name in
            try DefinitionFile.load(path: "\(folder)/\(name).yaml").get()
        }
    }
}
