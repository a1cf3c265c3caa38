import SagaCore
import Testing

@Suite struct SagaIDTests {
    @Test func partsAreKept() {
        let id = SagaID(milliseconds: 91_234_567_890, shard: 4711, sequence: 1023)
        #expect((id.milliseconds, id.shard, id.sequence) == (91_234_567_890, 4711, 1023))
        let greatest = SagaID(milliseconds: (1 << 41) - 1, shard: 8191, sequence: 1023)
        #expect(greatest.rawValue == .max)
        #expect(SagaID(milliseconds: 0, shard: 0, sequence: 0).rawValue == 0)
        #expect(SagaID(milliseconds: 1, shard: 0, sequence: 0).timestamp.iso8601 == "2024-01-01T00:00:00.001Z")
    }

    @Test func theTextIsCrockfordBase32() {
        #expect(SagaID(rawValue: 0).description == "0000000000000")
        #expect(SagaID(rawValue: 31).description == "000000000000Z")
        #expect(SagaID(rawValue: 32).description == "0000000000010")
        #expect(SagaID(rawValue: .max).description == "FZZZZZZZZZZZZ")
        #expect(SagaID(rawValue: 0x0123_4567_89AB_CDEF).description == "028T5CY4TQKFF")
    }

    @Test func everyAlphabetCharacterIsReadBack() {
        for (value, character) in "0123456789ABCDEFGHJKMNPQRSTVWXYZ".enumerated() {
            #expect(SagaID("000000000000\(character)")?.rawValue == UInt64(value))
            #expect(SagaID("000000000000\(character.lowercased())")?.rawValue == UInt64(value))
        }
    }

    @Test func whatPeopleMistypeIsRead() {
        #expect(SagaID("028t5cy4tqkff") == SagaID(rawValue: 0x0123_4567_89AB_CDEF))
        #expect(SagaID("OoIiLl0000000") == SagaID("0011110000000"))
    }

    @Test(
        "Bad input: an id that is none",
        arguments: [
            "", "0", "000000000000", "00000000000000", "G000000000000", "Z000000000000", "000000000000U",
            "00000000-0000",
            "000000000000 ", " 000000000000", "00000000000é", "000000000000\u{0}", "FZZZZZZZZZZZ\u{FF3A}",
        ])
    func badText(_ text: String) {
        #expect(SagaID(text) == nil)
    }

    @Test func idsAndTheirTextsSortByTime() {
        var random = SplitMix64(seed: 7)
        let ids = (0..<500).map { _ in SagaID(rawValue: random.next()) }
        let sorted = ids.sorted()
        #expect(sorted.map(\.description) == ids.map(\.description).sorted())
        #expect(sorted.map(\.milliseconds) == ids.map(\.milliseconds).sorted())
        for id in ids { #expect(SagaID(id.description) == id) }
    }
}

@Suite struct SagaIDGeneratorTests {
    private func at(_ milliseconds: Int64) -> Timestamp { SagaID.epoch.adding(milliseconds: milliseconds) }

    @Test func anIdSaysWhenAndWhere() {
        var generator = SagaIDGenerator(shard: 5)
        let id = generator.next(at: at(1000))
        #expect((id.milliseconds, id.shard, id.sequence) == (1000, 5, 0))
        let second = generator.next(at: at(1000))
        #expect((second.milliseconds, second.sequence) == (1000, 1))
        let later = generator.next(at: at(1001))
        #expect((later.milliseconds, later.sequence) == (1001, 0))
    }

    @Test func aFullMillisecondBorrowsFromTheNext() {
        var generator = SagaIDGenerator(shard: 0)
        let ids = (0..<1025).map { _ in generator.next(at: at(10)) }
        #expect((ids[1023].milliseconds, ids[1023].sequence) == (10, 1023))
        #expect((ids[1024].milliseconds, ids[1024].sequence) == (11, 0))
        #expect(generator.next(at: at(11)).sequence == 1)
    }

    @Test("F24: ids increase whatever the clock does", arguments: 0..<20 as Range<UInt64>)
    func increasing(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var generator = SagaIDGenerator(shard: Int(seed))
        var clock: Int64 = 1_000_000
        var last: SagaID?
        for _ in 0..<3000 {
            if Int.random(in: 0..<50, using: &random) == 0 {
                clock += Int64.random(in: -86_400_000...86_400_000, using: &random)
            }
            let id = generator.next(at: at(clock))
            if let last { #expect(last < id) }
            #expect(id.shard == Int(seed))
            #expect(id.milliseconds >= clock)
            last = id
        }
    }

    @Test("Rule 27: a restart goes on after the greatest id of the file")
    func after() {
        let greatest = SagaID(milliseconds: 5000, shard: 3, sequence: 17)
        var same = SagaIDGenerator(shard: 3, after: greatest)
        #expect(same.next(at: at(1)) == SagaID(milliseconds: 5000, shard: 3, sequence: 18))
        var other = SagaIDGenerator(shard: 0, after: greatest)
        #expect(other.next(at: at(5000)) > greatest)
        var full = SagaIDGenerator(shard: 3, after: SagaID(milliseconds: 5000, shard: 3, sequence: 1023))
        #expect(full.next(at: at(1)) == SagaID(milliseconds: 5001, shard: 3, sequence: 0))
        var later = SagaIDGenerator(shard: 3, after: greatest)
        #expect(later.next(at: at(6000)) == SagaID(milliseconds: 6000, shard: 3, sequence: 0))
    }

    @Test func timesOutsideTheRangeAreCut() {
        var before = SagaIDGenerator(shard: 0)
        #expect(before.next(at: Timestamp(milliseconds: .min)).milliseconds == 0)
        var beyond = SagaIDGenerator(shard: 0)
        let first = beyond.next(at: Timestamp(milliseconds: .max))
        #expect(first.milliseconds == (1 << 41) - 1)
        #expect(beyond.next(at: Timestamp(milliseconds: .max)) > first)
    }
}
