import SagaBus
import SagaCore

/// The orders to place, those out, and what became of them; used by the feeder's thread.
struct OrderLine {
    private struct Request {
        let start: StartRequest
        let key: OrderFeeder.Key
        /// Must be refused: the key is another input's.
        let isConflict: Bool
        var askAt: ContinuousClock.Instant
        /// What has no answer after this long is asked for again, and after twice as long once more.
        var patience = Duration.seconds(10)
    }
    private struct Later {
        let at: ContinuousClock.Instant
        let start: StartRequest
        let key: OrderFeeder.Key
        let isConflict: Bool
    }

    private let scenario: ChaosScenario
    private var shop: DemoOrders
    private var random: SplitMix64
    private var placed = 0
    private var isStopped = false
    private var waiting: [String: Request] = [:]
    private var later: [Later] = []
    private var tokens: [UInt64: String] = [:]
    private var nextToken: UInt64 = 0
    private var requests = 0
    private let began = ContinuousClock.now
    private var counted = OrderFeeder.Tally()

    private static let longestPatience = Duration.seconds(80)
    /// Requests out at a time.
    private static let window = 2000

    init(_ scenario: ChaosScenario) {
        self.scenario = scenario
        shop = DemoOrders(seed: scenario.seed)
        _ = shop.stock(for: scenario.expectedOrders)
        random = SplitMix64(seed: scenario.seed ^ 0x5f1d_36f1_b5b9_23c7)
    }

    var tally: OrderFeeder.Tally {
        var tally = counted
        tally.unanswered = waiting.count
        return tally
    }

    var isFed: Bool { isStopped || scenario.orders.map { placed >= $0 } ?? false }
    var isDone: Bool { isFed && waiting.isEmpty && later.isEmpty }

    /// No further orders.
    mutating func stop() {
        isStopped = true
        later.removeAll { !$0.isConflict && counted.accepted[$0.key] == nil }
    }

    /// Answers to what was asked for may be lost.
    mutating func askAllAgain() {
        let now = ContinuousClock.now
        for id in waiting.keys { waiting[id]?.askAt = now }
    }

    // MARK: Asking

    mutating func publishDue(through publisher: any BusPublisher, answers: String) {
        let now = ContinuousClock.now
        addDue(now)
        var messages: [(token: UInt64, message: Message)] = []
        for (id, request) in waiting where request.askAt <= now {
            var start = request.start
            start.replyTo = answers
            messages.append((nextToken, start.message(shard: 0)))
            tokens[nextToken] = id
            nextToken += 1
            waiting[id]?.askAt = now + request.patience
            waiting[id]?.patience = min(request.patience * 2, Self.longestPatience)
        }
        counted.repeats = Int(nextToken) - counted.asked
        if !messages.isEmpty { publisher.publish(messages) }
    }

    private mutating func addDue(_ now: ContinuousClock.Instant) {
        let elapsed = Int64(began.duration(to: now) / .milliseconds(1))
        let due = min(Int(elapsed) * scenario.rate / 1000 + 1, scenario.orders ?? .max)
        while !isFed, placed < due, waiting.count < Self.window { place(now) }
        for item in later where item.at <= now { ask(item.start, item.key, isConflict: item.isConflict, now) }
        later.removeAll { $0.at <= now }
    }

    private mutating func place(_ now: ContinuousClock.Instant) {
        placed += 1
        let order = shop.order(placed)
        let number = order["orderId"]?.string ?? ""
        let key = OrderFeeder.Key(definition: "place-order", key: number)
        ask(request("place-order", order), key, isConflict: false, now)
        // The same again, in the same moment: one saga.
        if random.next() % 100 < 3 { ask(request("place-order", order), key, isConflict: false, now) }
        let chance = random.next() % 1000
        let delay = Duration.milliseconds(Int64.random(in: 5_000...25_000, using: &random))
        if chance < 40 {
            let key = OrderFeeder.Key(definition: "cancel-order", key: number)
            let start = request("cancel-order", ["orderId": .string(number)])
            later.append(Later(at: now + delay, start: start, key: key, isConflict: false))
        } else if chance < 45, var other = order.object {
            other["customerId"] = "SOMEBODY-ELSE"
            let start = request("place-order", .object(other))
            later.append(Later(at: now + delay, start: start, key: key, isConflict: true))
        }
    }

    private mutating func request(_ definition: String, _ input: JSONValue) -> StartRequest {
        requests += 1
        return StartRequest(requestID: "chaos-\(requests)", definition: definition, input: input)
    }

    private mutating func ask(
        _ start: StartRequest, _ key: OrderFeeder.Key, isConflict: Bool, _ now: ContinuousClock.Instant
    ) {
        // Before the order itself has been accepted, other content with its key would be the order.
        guard !isConflict || counted.accepted[key] != nil else { return }
        waiting[start.requestID] = Request(start: start, key: key, isConflict: isConflict, askAt: now)
        counted.asked += 1
    }

    // MARK: Answers

    mutating func take(_ results: [PublishResult]) {
        let soon = ContinuousClock.now + .seconds(1)
        for result in results {
            guard let id = tokens.removeValue(forKey: result.token), result.outcome != .confirmed else { continue }
            waiting[id]?.askAt = soon
        }
    }

    mutating func take(_ answer: Answer) {
        // A second answer comes to what was asked for twice; it must not differ, but is not waited for.
        guard let request = waiting.removeValue(forKey: answer.requestID) else { return }
        let saga = answer.body["saga"]?.string.flatMap { SagaID($0) }
        let name = "\(request.key.definition) \(request.key.key)"
        switch answer.kind {
        case .accepted where request.isConflict:
            wrong("\(name) was accepted with two different contents", [saga, counted.accepted[request.key]])
        case .accepted:
            guard let saga else { return wrong("\(name) was accepted without a saga", []) }
            if let first = counted.accepted[request.key], first != saga {
                wrong("\(name) was accepted as two sagas", [first, saga])
            }
            counted.accepted[request.key] = saga
        case .refused where request.isConflict && answer.body["code"]?.string == "IDEMPOTENCY_CONFLICT":
            counted.conflicts += 1
        case .refused, .applied:
            wrong("\(name) was answered \(answer.kind.rawValue) \(answer.body["code"]?.string ?? "")", [saga])
        }
    }

    private mutating func wrong(_ text: String, _ sagas: [SagaID?]) {
        counted.wrong.append(OrderFeeder.Wrong(text: text, sagas: sagas.compactMap { $0 }))
    }
}
