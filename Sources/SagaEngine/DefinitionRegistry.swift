import SagaCore
import SagaStore

/// The definitions new sagas start with.
package struct DefinitionRegistry: Sendable {
    private var byName: [String: [Int: SagaDefinition]] = [:]

    package init(_ definitions: [SagaDefinition] = []) {
        for definition in definitions { byName[definition.name, default: [:]][definition.version] = definition }
    }

    package var all: [SagaDefinition] {
        byName.values.flatMap(\.values).sorted { ($0.name, $0.version) < ($1.name, $1.version) }
    }

    /// Every participant any definition sends to.
    package var participants: [String] {
        Set(all.flatMap { $0.steps.map(\.participant) }).sorted()
    }

    /// The definition a start means: the version it names, else the highest.
    package func definition(named name: String, version: Int?) throws(Refusal) -> SagaDefinition {
        guard let versions = byName[name] else {
            let known = byName.keys.sorted().joined(separator: ", ")
            throw Refusal(code: .definitionUnknown, path: "type", message: "known definitions: \(known)")
        }
        guard let wanted = version ?? versions.keys.max(), let definition = versions[wanted] else {
            let known = versions.keys.sorted().map { "\($0)" }.joined(separator: ", ")
            throw Refusal(code: .versionUnknown, path: "headers.skald-version", message: "known versions: \(known)")
        }
        return definition
    }

    /// Adds definitions that were read from files.
    ///
    /// - Returns: the refused ones: content that changed under the same version while sagas are open (rule 15).
    package mutating func load(
        _ definitions: [SagaDefinition], in transaction: StoreView
    ) throws -> [SagaDefinition] {
        var refused: [SagaDefinition] = []
        for definition in definitions {
            let open = try transaction.openContents(name: definition.name, version: definition.version)
            if open.subtracting([definition.contentHash]).isEmpty {
                byName[definition.name, default: [:]][definition.version] = definition
            } else {
                refused.append(definition)
            }
        }
        return refused
    }
}
