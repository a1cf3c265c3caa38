import SagaBus
import Testing

@testable import RabbitMQBus

@Suite struct ConfirmTrackerTests {
    private static func message(_ id: String, to key: String = "k", mandatory: Bool = false) -> Message {
        Message(
            exchange: "x", routingKey: key, properties: MessageProperties(messageID: id), body: [],
            isMandatory: mandatory)
    }

    private func tracker(_ count: UInt64) -> ConfirmTracker {
        var tracker = ConfirmTracker()
        for number in 1...count { tracker.published(Self.message("m\(number)"), token: 100 + number) }
        return tracker
    }

    private func confirmed(_ tokens: UInt64...) -> [PublishResult] {
        tokens.map { PublishResult(token: $0, outcome: .confirmed) }
    }

    @Test func oneConfirmSettlesOne() {
        var tracker = tracker(3)
        #expect(tracker.confirmed(2, multiple: false) == confirmed(102))
        #expect(tracker.inFlight == 2)
    }

    @Test func multipleSettlesAllBeforeOnce() {
        var tracker = tracker(4)
        #expect(tracker.confirmed(2, multiple: false) == confirmed(102))
        #expect(tracker.confirmed(3, multiple: true) == confirmed(101, 103))
        #expect(tracker.confirmed(4, multiple: true) == confirmed(104))
        #expect(tracker.inFlight == 0)
    }

    @Test func zeroWithMultipleMeansAll() {
        var tracker = tracker(3)
        #expect(tracker.confirmed(0, multiple: true) == confirmed(101, 102, 103))
        #expect(tracker.confirmed(0, multiple: true) == [])
    }

    @Test func aNumberSettledOrNeverGivenChangesNothing() {
        var tracker = tracker(2)
        #expect(tracker.confirmed(1, multiple: false) == confirmed(101))
        #expect(tracker.confirmed(1, multiple: false) == [])
        #expect(tracker.confirmed(0, multiple: false) == [])
        #expect(tracker.confirmed(3, multiple: false) == [])
        #expect(tracker.confirmed(.max, multiple: true) == [])
        #expect(tracker.inFlight == 1)
    }

    @Test func rejectionIsAnOutcomeOfItsOwn() {
        var tracker = tracker(2)
        #expect(
            tracker.rejected(2, multiple: true)
                == [101, 102].map { PublishResult(token: $0, outcome: .rejected) })
    }

    @Test("F16: a return followed by its ack is a return, not a delivery")
    func returnThenAck() {
        var tracker = ConfirmTracker()
        tracker.published(Self.message("a", mandatory: true), token: 1)
        tracker.published(Self.message("b", mandatory: true), token: 2)
        tracker.returned(Self.message("b"), reason: "NO_ROUTE")
        #expect(tracker.inFlight == 2)
        #expect(
            tracker.confirmed(2, multiple: true) == [
                PublishResult(token: 1, outcome: .confirmed), PublishResult(token: 2, outcome: .returned("NO_ROUTE")),
            ])
    }

    @Test func returnsOfEqualMessagesMeanTheOldestFirst() {
        var tracker = ConfirmTracker()
        for token in 1...3 as ClosedRange<UInt64> {
            tracker.published(Self.message("a", mandatory: true), token: token)
        }
        tracker.returned(Self.message("a"), reason: "first")
        tracker.returned(Self.message("a"), reason: "second")
        #expect(
            tracker.confirmed(3, multiple: true).map(\.outcome) == [
                .returned("first"), .returned("second"), .confirmed,
            ])
    }

    @Test func aReturnIsNeverTakenForAMessageThatWasNotMandatory() {
        var tracker = ConfirmTracker()
        tracker.published(Self.message("a"), token: 1)
        tracker.returned(Self.message("a"), reason: "NO_ROUTE")
        #expect(tracker.confirmed(1, multiple: false) == confirmed(1))
    }

    @Test("F3: what is unconfirmed when the connection goes is unknown, once, and numbers begin anew")
    func abandon() {
        var tracker = tracker(3)
        _ = tracker.confirmed(2, multiple: false)
        #expect(tracker.abandon() == [101, 103].map { PublishResult(token: $0, outcome: .unknown) })
        #expect(tracker.abandon() == [])
        tracker.published(Self.message("again"), token: 7)
        #expect(tracker.confirmed(1, multiple: false) == confirmed(7))
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func everyTokenComesBackOnceWhateverTheOrder(seed: UInt64) {
        var random = SeededGenerator(state: seed)
        var tracker = ConfirmTracker()
        var (published, settled): (UInt64, [UInt64]) = (0, [])
        for _ in 0..<400 {
            if Bool.random(using: &random) {
                published += 1
                tracker.published(Self.message("m"), token: published)
            } else {
                let number = UInt64.random(in: 0...(published + 2), using: &random)
                settled += tracker.confirmed(number, multiple: Bool.random(using: &random)).map(\.token)
            }
            #expect(tracker.inFlight == Int(published) - settled.count)
        }
        settled += tracker.abandon().map(\.token)
        #expect(settled.sorted() == Array(1...max(published, 1)).filter { $0 <= published })
    }
}

/// SplitMix64: the same seed, the same run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
