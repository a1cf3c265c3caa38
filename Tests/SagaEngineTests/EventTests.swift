import SagaBus
import SagaCore
import Testing

@testable import SagaEngine
@testable import SagaStore

@Suite("Order status events")
struct EventTests {
    @Test("Rule 28: CloudEvents whose id is saga and sequence", arguments: Storage.allCases)
    func cloudEvents(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let start = try shop.process(shop.start(traceparent: trace))
        let row = try #require(start.outgoing.first { $0.exchange == SkaldNames.events })
        let event = try #require(try start.events().first)
        let saga = try #require(row.saga)
        #expect(event["specversion"] == "1.0")
        #expect(event["id"] == .string("\(saga)/1"))
        #expect(event["source"] == "/skald/0")
        #expect(event["type"] == "STARTED")
        #expect(event["subject"] == "4711")
        #expect(event["time"] == .string(shop.now.iso8601))
        #expect(event["datacontenttype"] == "application/json")
        #expect(event["data"]?["saga"] == .string(saga.description))
        #expect(event["data"]?["definition"] == "shop")
        #expect(event["data"]?["version"] == 1)
        #expect(event["data"]?["status"] == "running")
        #expect(row.routingKey == "shop.STARTED")
        #expect(!row.message.isMandatory)
        #expect(row.message.properties.contentType == "application/cloudevents+json")

        var ids = [event["id"]]
        for (step, outcome) in [("reserve", Outcome.succeeded), ("charge", .succeeded), ("ship", .succeeded)] {
            ids += try shop.process(shop.reply(saga, step, outcome)).events().map { $0["id"] }
        }
        #expect(ids.count == 2)
        #expect(ids.last == .string("\(saga)/\(try shop.state(saga).sequence)"))
    }

    private let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test("traceparent goes from the start to commands and events", arguments: Storage.allCases)
    func traceparent(_ storage: Storage) throws {
        let shop = try Shop(storage)
        let start = try shop.process(shop.start(traceparent: trace))
        let saga = try #require(try start.commands().first?.id.saga)
        #expect(try start.commands().first?.traceparent == trace)
        let next = try shop.process(shop.reply(saga, "reserve", .succeeded))
        #expect(try next.commands().first?.traceparent == trace)
        let undo = try shop.process(shop.reply(saga, "charge", .failed, ["code": "NO"]))
        #expect(try undo.commands().first?.traceparent == trace)
        let end = try shop.process(shop.reply(saga, "reserve", .succeeded, [:], kind: .compensation))
        let event = try #require(end.outgoing.first { $0.exchange == SkaldNames.events })
        #expect(event.message.properties.header("traceparent") == .string(trace))
    }

    @Test("Rule 10: every entry into stuck is published, shown and told")
    func stuck() throws {
        let shop = try Shop()
        let saga = try shop.started()
        try shop.process(shop.reply(saga, "reserve", .succeeded))
        try shop.process(shop.reply(saga, "charge", .succeeded))
        let result = try shop.process(shop.reply(saga, "ship", .failed, ["code": "NO_TRUCK", "message": "none"]))
        let event = try #require(try result.events().first)
        #expect(event["type"] == "SAGA_STUCK")
        #expect(event["data"]?["code"] == "NO_TRUCK")
        #expect(result.notices.contains(.sagaStuck(saga, step: "ship", code: "NO_TRUCK")))
        let summary = try #require(try shop.store.read { try $0.summary(of: saga) })
        #expect(summary.status == .stuck)
        #expect(summary.steps == ["ship"])
    }
}
