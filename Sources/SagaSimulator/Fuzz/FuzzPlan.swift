import SagaBus
import SagaCore

/// What one round sends, and what must come of its valid messages. The same seed makes the same plan.
struct FuzzPlan {
    /// Mutants and valid messages, in the order in which they are sent.
    let messages: [FuzzMessage]
    /// How many messages go out at once, in turn.
    let slices: [Int]
    /// How each order of a neighbour must end, by its key.
    let orders: [(key: String, end: SagaStatus)]

    init(seed: UInt64, mutants count: Int) {
        self.init(seed: seed, mutants: (0..<count).map { Self.mutant($0, seed: seed) }, of: count)
    }

    /// With fewer mutants, or those of a file. The valid messages stay as they are.
    init(seed: UInt64, mutants: [FuzzMessage], of count: Int) {
        var random = SplitMix64(seed: seed)
        var orders: [(key: String, end: SagaStatus)] = []
        var valid: [(place: Int, message: FuzzMessage)] = []
        for index in 0..<max(4, count / Self.mutantsPerOrder) {
            let (card, end) = Self.cards[Int.random(in: 0..<Self.cards.count, using: &random)]
            let key = "neighbour-\(index)"
            orders.append((key, end))
            let input = FuzzCast.order(
                key, sku: "neighbour-sku", quantity: Int64.random(in: 1...5, using: &random), price: 1200, token: card)
            let start = StartRequest(
                requestID: key, definition: "place-order", replyTo: FuzzSystem.answers, input: input)
            valid.append(
                (
                    Int.random(in: 0...count, using: &random),
                    FuzzMessage(door: .starts, message: start.message(shard: 0))
                ))
        }
        valid += Self.bystanders(count, &random)
        valid = valid.enumerated().sorted { ($0.element.place, $0.offset) < ($1.element.place, $1.offset) }
            .map(\.element)
        var rest = valid[...]
        var all: [FuzzMessage] = []
        for mutant in mutants {
            while let next = rest.first, next.place <= mutant.number ?? 0 { all.append(rest.removeFirst().message) }
            all.append(mutant)
        }
        messages = all + rest.map(\.message)
        slices = (0..<32).map { _ in Int.random(in: 1...96, using: &random) }
        self.orders = orders
    }

    private static let mutantsPerOrder = 25

    private static let cards: [(String, SagaStatus)] = [
        ("tok_visa", .completed), ("tok_visa", .completed), ("tok_visa", .completed), ("tok_visa", .completed),
        ("tok_declined", .compensated), ("tok_timeout_before", .completed), ("tok_timeout_after", .completed),
        ("tok_capture_declined", .compensated), ("tok_capture_timeout_after", .completed),
    ]

    static func mutant(_ number: Int, seed: UInt64) -> FuzzMessage {
        var seeds = SplitMix64(seed: seed &+ UInt64(number) &* 0x9e37_79b9_7f4a_7c15)
        while true {
            var random = SplitMix64(seed: seeds.next())
            let door = FuzzDoor.allCases[Int.random(in: 0..<FuzzDoor.allCases.count, using: &random)]
            var templates = FuzzTemplates(number: number, random: random)
            // Now and then a message that is right, but was meant for another queue.
            let isAstray = Int.random(in: 0..<20, using: &templates.random) == 0
            let source =
                isAstray
                ? FuzzDoor.allCases[Int.random(in: 0..<FuzzDoor.allCases.count, using: &templates.random)] : door
            var message = templates.message(at: source)
            var changes = isAstray ? ["meant for \(source.rawValue)"] : []
            // And some that are valid as they are: replayed, too early, for another saga.
            if Int.random(in: 0..<12, using: &templates.random) > 0 {
                var mutator = MessageMutator(random: templates.random)
                changes += mutator.mutate(&message)
            }
            message.properties.headers.append((FuzzMessage.numberHeader, .int(Int64(number))))
            guard !FuzzCast.mayConcernNeighbours(message) else { continue }
            return FuzzMessage(number: number, door: door, changes: changes, message: message)
        }
    }

    // MARK: Bystanders

    /// Sagas whose participant the round plays: what each is sent, and how it must end.
    enum Bystander: CaseIterable {
        /// Every step succeeds.
        case completes
        /// `charge` is refused, the rest is undone.
        case goesBack
        /// Only paused and resumed.
        case waits

        var end: SagaStatus {
            switch self {
            case .completes: .completed
            case .goesBack: .compensated
            case .waits: .running
            }
        }

        fileprivate var replies: [(step: String, kind: CommandID.Kind, outcome: Outcome)] {
            switch self {
            case .completes:
                ["reserve", "charge", "pack", "take", "ship", "tell"].map { ($0, .action, .succeeded) }
            case .goesBack:
                [
                    ("reserve", .action, .succeeded), ("charge", .action, .failed), ("pack", .action, .succeeded),
                    ("pack", .compensation, .succeeded), ("reserve", .compensation, .succeeded),
                ]
            case .waits: []
            }
        }
    }

    static let bystanders: [Bystander] = Array(repeating: Bystander.allCases, count: 3).flatMap { $0 }

    static var bystanderStarts: [StartRequest] {
        bystanders.indices.map { index in
            StartRequest(
                requestID: "bystander-\(index)", definition: "held", replyTo: FuzzSystem.answers,
                input: ["order": .string("bystander-\(index)"), "note": "n"])
        }
    }

    /// Their messages at random places, each one's in order.
    private static func bystanders(
        _ count: Int, _ random: inout SplitMix64
    ) -> [(place: Int, message: FuzzMessage)] {
        var valid: [(place: Int, message: FuzzMessage)] = []
        for (index, bystander) in bystanders.enumerated() {
            let saga = FuzzCast.bystander(index)
            let messages: [FuzzMessage] =
                bystander == .waits
                ? ["pause", "resume", "pause", "resume"].enumerated().map { number, verb in
                    let request = OperatorMessage(
                        requestID: "bystander-\(index)-\(number)", verb: verb, replyTo: FuzzSystem.answers,
                        body: ["saga": .string("\(saga)")])
                    return FuzzMessage(
                        door: .operatorRequests, message: request.message(shard: 0, expirationMilliseconds: 10_000))
                }
                : bystander.replies.map { step, kind, outcome in
                    let reply = Reply(
                        command: CommandID(saga: saga, step: step, kind: kind, round: 1), outcome: outcome,
                        attempt: 1, body: outcome == .failed ? ["code": "NO", "message": "no"] : ["place": "A1"])
                    return FuzzMessage(
                        door: .replies, message: reply.message(to: SkaldNames.replyQueue(shard: 0)))
                }
            let places = messages.map { _ in Int.random(in: 0...count, using: &random) }.sorted()
            valid += zip(places, messages).map { ($0, $1) }
        }
        return valid
    }
}
