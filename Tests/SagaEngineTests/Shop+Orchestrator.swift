import SagaCore
import SagaStore

@testable import SagaEngine

extension Shop {
    /// The orchestrator of this shop, which goes as the test has it.
    func orchestrator(
        _ bus: HandBus, clock: HandClock? = nil, _ set: (inout EngineSettings) -> Void = { _ in }
    ) -> Orchestrator {
        var settings = EngineSettings()
        settings.shutdownGrace = .milliseconds(1)
        set(&settings)
        return Orchestrator(
            store: store, bus: bus, settings: settings, definitions: [Shop.definition],
            clock: clock.map { clock in EngineClock { clock.now } }, logger: .quiet)
    }
}

extension SagaStore {
    /// The names of a saga's events.
    func events(of saga: SagaID) throws -> [JSONValue?] {
        try read { try $0.history(of: saga, definition: Shop.definition) }.map { $0.json["event"] }
    }

    func awaitEvent(_ name: JSONValue, of saga: SagaID) throws {
        while try events(of: saga).last != name { try Floor.pass() }
    }
}
