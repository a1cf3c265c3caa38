import ArgumentParser
import Testing

@testable import skald

@Suite("What skald bench measures in which order")
struct BenchPlanTests {
    private static func plan(_ arguments: String...) throws -> BenchPlan { try Bench.parse(arguments).plan() }

    private static func measured(_ system: BenchSystem, _ load: BenchLoad, perSecond: Int) -> BenchMeasurement {
        var turn = BenchTurn()
        turn.ended = perSecond * 2
        turn.seconds = 2
        return BenchMeasurement(system: system, load: load, turn: turn)
    }

    @Test func sagasInFlightComeBeforeSharesOfThem() throws {
        let plan = try Self.plan("--in-flight", "1,64", "--load", "0.5,0.8", "--rate", "100", "--system", "bare,worker")
        #expect(plan.loads == [.inFlight(1), .inFlight(64), .share(0.5), .share(0.8), .rate(100)])
        #expect(plan.turns.count == 3 * 5 * 2)
        #expect(plan.turns.prefix(2).map(\.system) == [.bare, .worker])
        #expect(plan.turns[10..<12].map(\.system) == [.worker, .bare], "each begins once")
        #expect(try Self.plan().loads == [.inFlight(1), .inFlight(64), .inFlight(1024), .inFlight(4096)])
        #expect(try Self.plan("--rate", "100").loads == [.rate(100)], "a rate needs nothing beside it")
    }

    @Test func aLargeFileIsMeasuredBesideAnEmptyOne() throws {
        #expect(try Self.plan("--finished", "10", "--system", "worker").systems == [.worker, .filled])
        #expect(try Self.plan("--finished", "10", "--system", "bare").systems == [.bare, .worker, .filled])
    }

    @Test(
        arguments: [
            ["--in-flight", "0"], ["--in-flight", "1,,2"], ["--in-flight", "100001"], ["--in-flight", "many"],
            ["--in-flight", ""], ["--load", "0"], ["--load", "1.1"], ["--load", "nan"], ["--rate", "0"],
            ["--rate", "-1"], ["--rate", "inf"], ["--rate", "100", "--load", "0.5"], ["--system", "open"],
            ["--system", "filled"], ["--system", ""], ["--rounds", "0"], ["--finished", "0"], ["--open", "0"],
            ["--filled", "there"], ["--open", "1", "--instructions"], ["--open", "1", "--finished", "1"],
            ["--seconds", "0"], ["--keys", "any"],
        ])
    func nonsenseIsRefused(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try Bench.parse(arguments) }
    }

    @Test func aShareIsOfTheMostThatTheSystemHasDone() {
        let turn = BenchPlan.Turn(load: .share(0.5), system: .worker)
        let measured = [
            Self.measured(.worker, .inFlight(64), perSecond: 900),
            Self.measured(.worker, .inFlight(64), perSecond: 1100),
            Self.measured(.worker, .inFlight(1024), perSecond: 700),
            Self.measured(.worker, .share(0.5), perSecond: 4000),
            Self.measured(.bare, .inFlight(64), perSecond: 3000),
        ]
        #expect(BenchPlan.load(of: turn, after: measured) == .rate(500))
        #expect(BenchPlan.load(of: turn, after: []) == .rate(1))
        let other = BenchPlan.Turn(load: .inFlight(64), system: .worker)
        #expect(BenchPlan.load(of: other, after: measured) == .inFlight(64))
    }

    @Test("who is late begins all that was due, each with the time at which it was due")
    func arrivals() {
        let begin = ContinuousClock.now
        var arrivals = ArrivalSchedule(from: begin, perSecond: 100)
        #expect(arrivals.takeDue(at: begin) == [begin])
        #expect(arrivals.takeDue(at: begin) == [])
        #expect(arrivals.next == begin + .milliseconds(10))
        let late = arrivals.takeDue(at: begin + .milliseconds(35))
        #expect(late == [10, 20, 30].map { begin + .milliseconds($0) })
        #expect(arrivals.takeDue(at: begin + .seconds(1)).count == 97, "100 a second")
    }

    @Test func keysAreTheirOwn() {
        for keys in BenchKeys.allCases {
            let all = (1...2000).map { keys.key("t", $0) }
            #expect(Set(all).count == 2000)
        }
        let scattered = (1...200).map { BenchKeys.scattered.key("t", $0) }
        #expect(scattered[0] == "9e3779b1-t-1")
        let starts = Set(scattered.map { $0.prefix(1) })
        #expect(starts.count == 16, "they go everywhere")
    }

    @Test func ratiosAreOfTheSameLoad() throws {
        let report = BenchReport(
            [
                Self.measured(.filled, .inFlight(64), perSecond: 950),
                Self.measured(.worker, .inFlight(64), perSecond: 1000),
                Self.measured(.worker, .inFlight(1024), perSecond: 1),
                Self.measured(.worker, .rate(5), perSecond: 5),
            ], queueKind: .classic, seconds: 1)
        #expect(report.ratio(.filled, to: .worker, .inFlight(64)) == 0.95)
        #expect(report.ratio(.filled, to: .worker, .inFlight(1024)) == nil)
        #expect(report.ratio(.worker, to: .worker, .inFlight(64)) == nil)
        #expect(report.throughput.map(\.window) == [64, 64, 1024], "only sagas in flight are drawn")
    }

    @Test func instructionsAreWhatMoreSagasTake() throws {
        let few = "==7== Events    : Ir\n==7== Collected : 5000\n==7==\n"
        #expect(try InstructionCount.count(inOutput: few) == 5000)
        #expect(throws: CommandFailure.self) { try InstructionCount.count(inOutput: "==7== killed") }
        #expect(InstructionCount.perSaga(few: 5000, many: 1_005_000) == 1000)
    }
}
