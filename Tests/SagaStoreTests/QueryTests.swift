import SagaCore
import Testing

@testable import SagaStore

@Suite("What an operator asks of the store")
struct QueryTests {
    private let store: SagaStore

    /// 1 to 6: five running, of which 2 is paused; 3 is compensating; 6 is abandoned.
    init() throws {
        store = try SagaStore()
        for number in 1...6 {
            let state = try Sample.start(number, at: Sample.now.adding(milliseconds: Int64(number)), in: store)
            switch number {
            case 2: try Sample.decide(state, .request(OperatorRequest(id: "p", verb: .pause)), in: store)
            case 3:
                let reserved = try Sample.decide(
                    state, Sample.reply(state, "reserve", .succeeded, ["place": "A1"]), in: store)
                try Sample.decide(reserved, Sample.reply(reserved, "charge", .failed, ["code": "DECLINED"]), in: store)
            case 6:
                try Sample.decide(
                    state, .request(OperatorRequest(id: "a", verb: .abandon, reason: "test")), in: store)
            default: break
            }
        }
    }

    private func numbers(_ change: (inout SagaFilter) -> Void) throws -> [Int] {
        var filter = SagaFilter()
        change(&filter)
        return try store.read { try $0.sagas(filter) }.map(\.id.sequence)
    }

    @Test func filters() throws {
        #expect(try numbers { _ in } == [6, 5, 4, 3, 2, 1])
        #expect(try numbers { $0.statuses = [.running] } == [5, 4, 2, 1])
        #expect(try numbers { $0.statuses = [.compensating, .abandoned] } == [6, 3])
        #expect(try numbers { $0.statuses = [.stuck] } == [])
        #expect(try numbers { $0.isPaused = true } == [2])
        #expect(try numbers { $0.definition = "shop" }.count == 6)
        #expect(try numbers { $0.definition = "other" } == [])
        #expect(try numbers { $0.startedBefore = Sample.now.adding(milliseconds: 3) } == [2, 1])
        #expect(try numbers { $0.startedAfter = Sample.now.adding(milliseconds: 4) } == [6, 5])
        #expect(try numbers { $0.errorCode = "DECLINED" } == [3])
        #expect(try numbers { $0.key = "order-4" } == [4])
    }

    @Test func aStepIsNamedWhole() throws {
        #expect(try numbers { $0.step = "reserve" } == [6, 5, 4, 3, 2, 1])
        #expect(try numbers { $0.step = "reserv" } == [])
        #expect(try numbers { $0.step = "reserv_" } == [])
        #expect(try numbers { $0.step = "%" } == [])
    }

    @Test func pages() throws {
        #expect(try numbers { $0.limit = 2 } == [6, 5])
        #expect(
            try numbers {
                $0.limit = 2
                $0.before = Sample.id(5)
            } == [4, 3])
    }

    @Test func aSummarySaysWhatTheStateSays() throws {
        let state = try #require(try store.read { try $0.state(of: Sample.id(3)) })
        let summary = try #require(try store.read { try $0.summary(of: Sample.id(3)) })
        #expect(summary.status == state.status)
        #expect(summary.sequence == state.sequence)
        #expect(summary.key == "order-3")
        #expect(summary.steps == ["reserve"])
        #expect(summary.rollback == "STEP_FAILED")
        #expect(summary.errorCode == "DECLINED")
        #expect(summary.endedAt == nil)
        #expect(try store.read { try $0.summary(of: Sample.id(9)) } == nil)
    }

    @Test func counts() throws {
        #expect(try store.read { try $0.countByStatus() } == [.running: 4, .compensating: 1, .abandoned: 1])
        #expect(try store.read { try $0.openSagaCount() } == 5)
        let rollbacks = try store.read { try $0.countByRollback() }
        #expect(rollbacks.map(\.reason) == ["STEP_FAILED"])
        #expect(rollbacks.first?.count == 1)
        #expect(try store.read { try $0.sagas(withKey: "order-2") } == [Sample.id(2)])
        #expect(try store.read { try $0.sagas(withKey: "order-2", definition: "other") } == [])
    }
}
