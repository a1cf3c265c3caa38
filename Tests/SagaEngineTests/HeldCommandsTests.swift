import Testing

@testable import SagaEngine

@Suite struct HeldCommandsTests {
    @Test func oldestFirstAndByParticipant() {
        var held = HeldCommands()
        for row in 1...6 { held.insert(Int64(row), for: row % 2 == 0 ? "even" : "odd") }
        held.insert(3, for: "odd")
        #expect(held.count == 6)
        #expect(held.count(of: "odd") == 3)
        #expect(held.first(2, of: "odd") == [1, 3])
        #expect(held.first(9, of: "even", without: [4]) == [2, 6])
        held.remove(3)
        held.remove(3)
        #expect(held.first(9, of: "odd") == [1, 5])
        held.remove(1)
        held.remove(5)
        #expect(held.count(of: "odd") == 0)
        #expect(held.first(9, of: "odd") == [])
        #expect(held.participant(of: 2) == "even")
        #expect(held.participant(of: 1) == nil)
    }

    @Test("a transaction's changes are seen by it, and by others once it has committed")
    func changes() {
        var held = HeldCommands()
        for row in 1...3 { held.insert(Int64(row), for: "bank") }
        var changes = HeldCommands.Changes()
        changes.remove(1, from: held)
        changes.remove(1, from: held)
        changes.insert(7, for: "bank")
        changes.insert(8, for: "bank")
        changes.remove(8, from: held)
        #expect(changes.count(of: "bank", in: held) == 3)
        #expect(changes.first(2, of: "bank", in: held) == [2, 3])
        #expect(changes.first(9, of: "bank", in: held) == [2, 3, 7])
        #expect([1, 2, 7, 8].map { changes.isHeld($0, in: held) } == [false, true, true, false])
        #expect(held.count == 3)
        held.take(changes)
        #expect(held.first(9, of: "bank") == [2, 3, 7])
    }

    @Test("thousands come and go in any order")
    func many() {
        var held = HeldCommands()
        for row in 1...5000 { held.insert(Int64(row), for: "bank") }
        for row in stride(from: 5000, through: 2, by: -2) { held.remove(Int64(row)) }
        #expect(held.first(3, of: "bank") == [1, 3, 5])
        for row in stride(from: 1, through: 4997, by: 2) { held.remove(Int64(row)) }
        #expect(held.count == 1)
        #expect(held.first(3, of: "bank") == [4999])
    }
}
