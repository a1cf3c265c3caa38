import OrderServices
import SagaCore
import Testing

@testable import SagaSimulator

@Suite("What a simulation leaves behind")
struct LeavingTests {
    @Test("Nothing of a world stays when it has ended, though its parts refer to each other", arguments: 0..<8)
    func nothing(number: Int) throws {
        weak var world: World?
        weak var network: Network?
        weak var time: VirtualTime?
        weak var customer: Customer?
        var left: [() -> String?] = []
        try {
            let plan = Plan(seed: UInt64(number), of: .everything)
            let databases = try Databases()
            let shop = SimulatedShop(plan)
            try databases.begin(stock: shop.stock)
            let made = try World(plan, on: databases, definitions: try Sagas.shipped(), trace: nil)
            guard let someone = made.customer else { return }
            Errands(plan, shop, in: made).hand(to: someone)
            let safety = SafetyCheck(made, StuckCauses(made, plan, shop), plan)
            (world, network, time, customer) = (made, made.network, made.time, someone)
            for process in made.processes {
                left.append { [weak process, name = process.name] in process == nil ? nil : name }
            }
            left.append { [weak safety] in safety == nil ? nil : "the safety check" }
            // In the middle of everything.
            for _ in 0..<400 where !made.time.runNext() { break }
            made.end()
        }()
        #expect(world == nil)
        #expect(network == nil)
        #expect(time == nil)
        #expect(customer == nil)
        #expect(left.compactMap { $0() } == [])
    }
}
