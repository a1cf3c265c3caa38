import BusConformance
import SagaBus
import SagaCore
import Testing

@Suite struct TopologyTests {
    @Test("rule 19: a participant that starts before any orchestrator loses no dead letter")
    func participantAlone() async throws {
        let bus = InMemoryBus()
        try bus.declare(.participant("counter"))
        let letter = DeadLetter.message(
            for: .text("poison", exchange: SkaldNames.commands, to: "counter"),
            reason: Refusal(code: .missingID, message: "why"))
        try bus.openPublisher(mailbox: BusMailbox()).publish([(1, letter)])
        #expect(try bus.depth(ofQueue: SkaldNames.deadLetters) == 1)
    }
}
