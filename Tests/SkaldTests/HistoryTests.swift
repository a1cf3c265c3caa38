import SagaStore
import Testing

@testable import SagaCore
@testable import skald

@Suite struct HistoryTests {
    @Test func plainWords() throws {
        let seeded = try SeededStore()
        let id = try seeded.start()
        try seeded.succeed(id, "reserve-stock")
        try seeded.refuse(id, "authorize", "CARD_DECLINED", "the bank says no")
        try seeded.reply(id, "reserve-stock", .succeeded, [:], to: .compensation)
        let text = try seeded.history(id)
        let words = text.lines.dropFirst().map { line in
            line.split(separator: "  ", maxSplits: 2, omittingEmptySubsequences: true).last.map {
                String($0.drop { $0 == " " })
            } ?? ""
        }
        #expect(text.lines[0] == "Saga \(id), place-order 1, key 10248: compensated")
        #expect(words[0].hasPrefix("started with key 10248, request request-10248; deadline"))
        #expect(words[1].hasPrefix("reserve-stock: inventory.reserve sent to inventory (attempt 1); reply due by"))
        #expect(words[2].hasPrefix("reserve-stock: inventory.reserve took effect {\"reservation\":\"r1\""))
        #expect(words[4] == "authorize: payment refused payment.authorize, CARD_DECLINED (the bank says no)")
        #expect(words[5] == "goes back: payment refused authorize, CARD_DECLINED (the bank says no)")
        #expect(words[7] == "reserve-stock: undone")
        #expect(words[8] == "compensated: everything is undone")
        #expect(text.lines[1].contains("2026-11-21"))
    }

    @Test func operatorsAreNamed() throws {
        let seeded = try SeededStore()
        let id = try seeded.start()
        try seeded.ask(id, .retry, reason: "please")
        try seeded.ask(id, .cancel, reason: "customer rang")
        let text = try seeded.history(id)
        #expect(text.has("ann: retry (please): refused, NOT_ALLOWED: no step is backing off or stuck"))
        #expect(text.has("ann: cancel (customer rang): cancelled: what was done is being undone"))
    }

    @Test func storedEventsAsJSON() throws {
        let seeded = try SeededStore()
        let id = try seeded.start()
        let (_, history) = try seeded.record(id.description).readable()
        #expect(history.map { $0.lineJSON["sequence"]?.int64 } == [1, 2])
        #expect(history[1].lineJSON["event"] == "sent")
        #expect(history[1].lineJSON["at"] == .string(seeded.now.iso8601))
        #expect(history[1].lineJSON["step"] == "reserve-stock")
    }

    @Test func aPastMoment() throws {
        let seeded = try SeededStore()
        let id = try seeded.stuckPivot()
        let (definition, history) = try seeded.record(id.description).readable()
        let past = history.state(of: id, definition, upTo: 2)
        let report = SagaReport(past, history: Array(history.prefix(2)), now: history[1].at)
        let text = ShownText(report.lines(paint: plain))
        #expect(text.lines[1].hasPrefix("Running: waits for inventory"))
        #expect(text.section("What you can do now") == [])
        #expect(!text.has("Stuck"))
    }

    @Test("every event has words, in every story of these tests")
    func eachEventHasWords() throws {
        let seeded = try SeededStore()
        let id = try seeded.stuckPivot()
        let words = EventWords(definition: seeded.definition, now: seeded.now)
        for event in Self.allEvents {
            let text = words.text(event)
            #expect(!text.isEmpty)
            #expect(text.escapedForTerminal == text)
        }
        #expect(try seeded.history(id).has("stuck, needs an operator: FENCE_UNANSWERED"))
    }

    private static let allEvents: [SagaEvent] = [
        .rearmed(step: 0, kind: .action, until: Timestamp(milliseconds: 0)), .proceeded,
        .retried(step: 0, kind: .compensation, round: 2), .decisionLapsed(step: 1),
        .decisionPending(step: 2, PendingDecision(claim: .succeeded, output: nil, requestID: "r")),
        .resolved(step: 2, kind: .action, .failed, output: nil), .resumed(pausedMilliseconds: 5000), .cancelRequested,
        .noted(step: 0, kind: .fence, outcome: .succeeded), .completed,
        .succeeded(step: 0, kind: .fence, output: nil, contradicts: true),
        .rollbackStarted(Rollback(reason: .deadline, step: nil, error: nil)),
    ]
}
