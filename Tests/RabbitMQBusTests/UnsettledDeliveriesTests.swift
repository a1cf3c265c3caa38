import Testing

@testable import RabbitMQBus

@Suite struct UnsettledDeliveriesTests {
    private func deliveries(_ count: UInt64) -> UnsettledDeliveries {
        var unsettled = UnsettledDeliveries()
        for number in 1...count { unsettled.delivered(number) }
        return unsettled
    }

    private func ack(_ number: UInt64, multiple: Bool = false) -> Settlement {
        Settlement(kind: .acknowledge, number: number, multiple: multiple)
    }

    @Test func aWholeBatchIsOneInstruction() {
        var unsettled = deliveries(5)
        #expect(unsettled.settle([3, 1, 2, 4], .acknowledge) == [ack(4, multiple: true)])
        #expect(unsettled.settle([5], .acknowledge) == [ack(5)])
        #expect(unsettled.requeueAll() == [])
    }

    @Test("Rule 25: an unsettled delivery is never acknowledged by a later one")
    func multipleOnlyBehindNoGap() {
        var unsettled = deliveries(5)
        #expect(unsettled.settle([2, 4], .acknowledge) == [ack(2), ack(4)])
        #expect(unsettled.settle([1], .acknowledge) == [ack(1)])
        #expect(unsettled.settle([3, 5], .acknowledge) == [ack(5, multiple: true)])
    }

    @Test func aRequeueIsNotCoveredByALaterAcknowledgement() {
        var unsettled = deliveries(3)
        #expect(unsettled.settle([1], .requeue) == [Settlement(kind: .requeue, number: 1, multiple: false)])
        #expect(unsettled.settle([2, 3], .acknowledge) == [ack(3, multiple: true)])
    }

    @Test func voidNumbersAreDropped() {
        var unsettled = deliveries(2)
        #expect(unsettled.settle([0, 3, 99], .acknowledge) == [])
        #expect(unsettled.settle([2, 2], .acknowledge) == [ack(2)])
        #expect(unsettled.settle([2], .requeue) == [])
        #expect(unsettled.requeueAll() == [Settlement(kind: .requeue, number: 1, multiple: false)])
    }

    @Test func requeueAllGivesBackWhatIsLeft() {
        var unsettled = deliveries(4)
        _ = unsettled.settle([2], .acknowledge)
        #expect(unsettled.requeueAll() == [Settlement(kind: .requeue, number: 4, multiple: true)])
        #expect(unsettled.requeueAll() == [])
    }

    /// A broker that applies the instructions must end with exactly what was meant.
    @Test(arguments: 0..<50 as Range<UInt64>)
    func theBrokerSeesWhatWasMeant(seed: UInt64) {
        var random = SeededGenerator(state: seed)
        var unsettled = UnsettledDeliveries()
        var (brokersView, meant, last): (Set<UInt64>, Set<UInt64>, UInt64) = ([], [], 0)
        for _ in 0..<200 {
            for _ in 0..<Int.random(in: 0..<8, using: &random) {
                last += 1
                unsettled.delivered(last)
                brokersView.insert(last)
                meant.insert(last)
            }
            let chosen = meant.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
            for settlement in unsettled.settle(chosen, .acknowledge) {
                #expect(brokersView.contains(settlement.number), "an unknown number closes the channel")
                brokersView = brokersView.filter {
                    settlement.multiple ? $0 > settlement.number : $0 != settlement.number
                }
            }
            meant.subtract(chosen)
            #expect(brokersView == meant)
        }
        for settlement in unsettled.requeueAll() {
            brokersView = brokersView.filter {
                settlement.multiple ? $0 > settlement.number : $0 != settlement.number
            }
        }
        #expect(brokersView.isEmpty, "nothing is left behind")
    }
}
