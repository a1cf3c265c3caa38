import Foundation
import OrderServices
import SagaCore
import Testing

@testable import skald

@Suite("What skald chaos reports")
struct ChaosReportTests {
    private static let saga = SagaID(rawValue: 1 << 30)

    private func report(_ violations: [ChaosJournal.Violation]) -> ChaosReport {
        ChaosReport(
            scenario: ChaosScenario(), directory: "/tmp/x", epoch: Timestamp(milliseconds: 1_700_000_000_000), began: 0,
            fed: 60_000, rested: 70_000, tally: OrderFeeder.Tally(), sagas: [], books: AuditReport(),
            entries: [
                ChaosJournal.Entry(
                    kind: .killWorker, target: .worker, began: 10_000, ended: 10_500, text: "<b>'\"&", kills: 1)
            ], notes: ["payment said </pre><script>alert(1)</script>\u{1b}[2J"],
            samples: [SystemSampler.Sample(at: 1000, open: 3, stuck: 1, ended: 2, outbox: 4)], pasts: 5,
            violations: violations, histories: [Self.saga: ["1 started <img src=x onerror=alert(1)>"]])
    }

    private let violation = ChaosJournal.Violation(rule: "I4", text: "a <script> was not undone", sagas: [saga])

    @Test("the page needs nothing from elsewhere, and no text of a message is markup")
    func page() {
        let html = report([violation]).html
        #expect(!html.contains("<script") && !html.contains("<img") && !html.contains("\u{1b}"))
        #expect(
            !html.contains("http:") && !html.contains("https:") && !html.contains("src=\"") && !html.contains("@import")
        )
        #expect(html.contains("a &lt;script&gt; was not undone"))
        #expect(html.contains("1 started &lt;img src=x onerror=alert(1)&gt;"))
        #expect(html.contains("1 violations"))
        #expect(report([]).html.contains("I1 to I7 hold"))
        // A line of the legend breaks between names, not within "kill-payment".
        #expect(html.contains(".key { white-space: nowrap }"))
        #expect(html.contains(#"<span class="key"><span style="color:#b00020">&#9632;</span> kill-"#))
        // Every element of the drawings is closed.
        for name in ["svg", "text", "title", "table", "pre", "rect"] {
            let opened = html.components(separatedBy: "<\(name)").count
            #expect(opened > 1 && opened == html.components(separatedBy: "</\(name)>").count, "\(name)")
        }
    }

    @Test func aViolationIsShownWithTheHistoriesOfItsSagas() {
        let lines = report([violation]).lines { text, _ in text }
        #expect(lines.contains("  I4 WRONG 1 times: completed sagas took effect whole, compensated ones left nothing"))
        #expect(lines.contains { $0.hasSuffix("1 started <img src=x onerror=alert(1)>") })
        let clean = report([]).lines { text, _ in text }
        #expect(clean.count { $0.contains(" holds: ") } == 7)
        #expect(!clean.contains { $0.contains("WRONG") })
    }

    @Test func inJSON() {
        let json = report([violation]).json
        #expect(json["kills"] == 1)
        #expect(json["violations"]?.array?.first?["rule"] == "I4")
        #expect(json["violations"]?.array?.first?["sagas"]?.array?.first?["id"] == .string(Self.saga.description))
        #expect(json["faults"]?.array?.first?["fault"] == "kill-worker")
    }

    @Test("SKALD_CRASH_AT names a place and a number, and is reached once")
    func crashAt() throws {
        for text in ["", "worker-after-commit", "worker-after-commit:", "worker-after-commit:0", "nowhere:1", "a:b:c"] {
            #expect(CrashAt(text) == nil, "\(text)")
        }
        let place = try #require(CrashAt("worker-after-commit:3"))
        let deaths = Signal()
        let points = place.crashPoints { deaths.set() }
        for _ in 1...2 { points.reached(.workerAfterCommit) }
        for _ in 1...9 { points.reached(.workerBeforeCommit) }
        #expect(!deaths.isSet)
        points.reached(.workerAfterCommit)
        #expect(deaths.isSet)
    }

    @Test("a crash point is drawn that the process can come to") func draws() {
        for detail in 0..<1000 as Range<UInt64> {
            for target in FaultKind.crashPoint.targets {
                let fault = PlannedFault(
                    kind: .crashPoint, target: target, at: 0, lasting: 0, detail: detail &* 0x9e37_79b9_7f4a_7c15)
                let place = CrashAt(CrashPlace.draw(fault))
                #expect(place?.point.rawValue.hasPrefix(target == .worker ? "worker-" : "participant-") == true)
            }
        }
    }
}
