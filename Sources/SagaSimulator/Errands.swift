import SagaBus
import SagaCore
import SagaStore

/// What the customers and operators of a simulation will do, as the seed has it.
struct Errands {
    let world: World
    let plan: Plan
    private let shop: SimulatedShop

    init(_ plan: Plan, _ shop: SimulatedShop, in world: World) {
        self.world = world
        self.plan = plan
        self.shop = shop
    }

    private var luck: Luck { world.luck }

    func hand(to customer: Customer) {
        let rush = min(30_000, plan.faultMilliseconds)
        for (index, order) in shop.orders.enumerated() {
            let number = index + 1
            let due = luck.draw(0...rush)
            customer.add(start("place-\(number)", at: due, "place-order", order))
            if luck.happens(.repeatStart) {
                let again = due + luck.milliseconds(0...60_000, of: .repeatStart)
                customer.add(start("place-\(number)-again", at: again, "place-order", order))
            }
            if luck.happens(.repeatStart) {
                let other = due + luck.milliseconds(0...60_000, of: .repeatStart)
                customer.add(start("place-\(number)-other", at: other, "place-order", Self.altered(order)))
            }
            if luck.draw(0...3) == 0 {
                let later = due + luck.draw(0...120_000)
                customer.add(
                    start("cancel-\(number)", at: later, "cancel-order", ["orderId": .string("\(number)")]))
            }
            for count in 0..<3 where luck.happens(.repeatStart) {
                let later = due + luck.milliseconds(1000...600_000, of: .repeatStart)
                // Some after the wrong one, with another order.
                let isWrong = luck.draw(0...1, of: .repeatStart) == 0
                customer.add(
                    successor(
                        "place-\(number)-successor-\(count)", at: later, isWrong ? Self.altered(order) : order,
                        key: "\(number)", ofFirst: isWrong))
                if luck.draw(0...1, of: .repeatStart) == 0 {
                    let end = later + luck.milliseconds(1000...120_000, of: .repeatStart)
                    customer.add(
                        start(
                            "cancel-\(number)-successor-\(count)", at: end, "cancel-order",
                            ["orderId": .string("\(number)")]))
                }
            }
            if luck.happens(.changeDefinition) {
                world.time.after(luck.draw(0...plan.faultMilliseconds, of: .changeDefinition)) { changeFiles() }
            }
            for count in 0..<3 where luck.happens(.operatorRequest) {
                // Soon after the order, or at any time.
                let latest = count == 0 ? plan.faultMilliseconds : 20_000
                let when = due + luck.milliseconds(0...latest, of: .operatorRequest)
                customer.add(request("ask-\(number)-\(count)", at: when))
            }
        }
    }

    private func start(_ id: String, at due: Int64, _ definition: String, _ input: JSONValue) -> Errand {
        Errand(id: id, due: due, repeatAfter: repeatAfter()) { id in
            StartRequest(
                requestID: id, definition: definition, replyTo: Customer.queue, traceparent: Self.traceparent(id),
                input: input
            ).message(shard: 0)
        }
    }

    /// Every other one has its request traced.
    private static func traceparent(_ id: String) -> String? {
        let number = id.utf8.reduce(0) { ($0 * 31 + UInt64($1)) % 0xffff_ffff }
        guard number % 2 == 0 else { return nil }
        let digits = String(number, radix: 16)
        return "00-\(String(repeating: "a", count: 32 - digits.count))\(digits)-00f067aa0ba902b7-01"
    }

    /// The same number, another order.
    private static func altered(_ order: JSONValue) -> JSONValue {
        var members = order.object ?? [:]
        members["customerId"] = "D"
        return .object(members)
    }

    /// Whoever has lost the answer asks again.
    private func repeatAfter() -> Int64? {
        luck.draw(0...3, of: .repeatStart) == 0 ? luck.draw(0...120_000, of: .repeatStart) : nil
    }

    /// - Parameter ofFirst: of the first saga with that key, not of the last.
    private func successor(
        _ id: String, at due: Int64, _ order: JSONValue, key: String, ofFirst: Bool
    ) -> Errand {
        Errand(id: id, due: due, repeatAfter: repeatAfter()) { [world] id in
            let sagas = try? world.store.read { try $0.sagas(withKey: key, definition: "place-order") }
            guard let old = ofFirst ? sagas?.last : sagas?.first else { return nil }
            return StartRequest(
                requestID: id, definition: "place-order", again: old, replyTo: Customer.queue, input: order
            ).message(shard: 0)
        }
    }

    // MARK: Operators

    private static func verbs(for saga: SagaSummary) -> [OperatorVerb] {
        if saga.isPaused { return [.resume, .resume, .cancel, .abandon] }
        switch saga.status {
        case .stuck: return [.retry, .retry, .skip, .resolve, .resolve, .abandon, .pause]
        case .running: return [.pause, .cancel, .cancel, .retry]
        default: return OperatorVerb.allCases
        }
    }

    private func request(_ id: String, at due: Int64) -> Errand {
        Errand(id: id, due: due, repeatAfter: repeatAfter()) { id in
            guard let all = try? world.store.read({ try $0.sagas(SagaFilter()) }), !all.isEmpty else { return nil }
            func pick(_ count: Int) -> Int { Int(luck.draw(0...Int64(count - 1), of: .operatorRequest)) }
            let open = all.filter { !$0.status.isTerminal }
            let sagas = open.isEmpty ? all : open
            let saga = sagas[pick(sagas.count)]
            // Now and then something that makes no sense.
            let verbs = pick(4) == 0 ? OperatorVerb.allCases : Self.verbs(for: saga)
            let verb = verbs[pick(verbs.count)]
            var body: JSONObject = ["saga": .string(saga.id.description), "by": "operator"]
            switch verb {
            case .retry, .skip, .resolve:
                guard !saga.steps.isEmpty else { return nil }
                body["step"] = .string(saga.steps[pick(saga.steps.count)])
                if verb != .retry {
                    body["reason"] = "seen by hand"
                    body["output"] = Self.inventedOutput
                }
                if verb == .resolve { body["as"] = .string(["succeeded", "failed"][pick(2)]) }
                if verb == .resolve, body["as"] == "failed" { body["output"] = nil }
            case .cancel, .abandon: body["reason"] = "the customer called"
            case .pause, .resume: break
            }
            return OperatorMessage(requestID: id, verb: verb.rawValue, replyTo: Customer.queue, body: body)
                .message(shard: 0, expirationMilliseconds: 600_000)
        }
    }

    private static let inventedOutput: JSONValue = [
        "reservation": "by-hand", "authorization": "by-hand", "entry": "by-hand", "capture": "by-hand",
        "return": "by-hand", "saga": "by-hand", "amount": 1, "currency": "EUR",
    ]

    /// Once nothing goes wrong any more, someone looks after what is paused or stuck.
    func tidyUp(_ round: Int, _ customer: Customer) throws -> Bool {
        var isNeeded = false
        for saga in try world.store.read({ try $0.sagas(SagaFilter()) }) where !saga.status.isTerminal {
            let verb: OperatorVerb
            var body: JSONObject = ["saga": .string(saga.id.description), "by": "operator"]
            if saga.isPaused {
                verb = .resume
            } else if saga.status == .stuck {
                // Who may decide by hand does if asking again has not helped, or without asking.
                let mayDecide = plan.rates[.operatorRequest] ?? 0 > 0 && !saga.steps.isEmpty
                verb = mayDecide && (round > 1 || luck.draw(0...1) == 0) ? .resolve : .retry
            } else {
                continue
            }
            if verb == .resolve {
                body["step"] = .string(saga.steps[0])
                body["as"] = .string(luck.draw(0...1) == 0 ? "succeeded" : "failed")
                body["reason"] = "seen by hand"
                if body["as"] == "succeeded" { body["output"] = Self.inventedOutput }
            }
            isNeeded = true
            customer.add(
                Errand(id: "tidy-\(round)-\(saga.id)", due: world.time.milliseconds) { [body] id in
                    OperatorMessage(requestID: id, verb: verb.rawValue, replyTo: Customer.queue, body: body)
                        .message(shard: 0, expirationMilliseconds: 600_000)
                })
        }
        return isNeeded
    }

    // MARK: Files

    private func changeFiles() {
        guard var files = Optional(world.files), !files.isEmpty else { return }
        let index = Int(luck.draw(0...Int64(files.count - 1), of: .changeDefinition))
        let old = files[index]
        switch luck.draw(0...2, of: .changeDefinition) {
        case 0:
            files.remove(at: index)
            world.change(files, "\(old.name) \(old.version) is gone")
        case 1:
            let new = old.altered(version: old.version)
            files[index] = new
            world.change(files, "\(old.name) \(old.version) says something else now")
        default:
            let new = old.altered(version: old.version + 1)
            files.append(new)
            world.change(files, "\(old.name) \(new.version) comes")
        }
    }
}
