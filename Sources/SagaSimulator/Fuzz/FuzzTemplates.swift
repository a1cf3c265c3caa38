import SagaBus
import SagaCore

/// Makes valid messages of every kind that concern victims, for a mutator to change.
struct FuzzTemplates {
    var random: SplitMix64
    private let number: Int

    init(number: Int, random: SplitMix64) {
        self.number = number
        self.random = random
    }

    mutating func message(at door: FuzzDoor) -> Message {
        switch door {
        case .starts: start()
        case .replies: reply()
        case .operatorRequests: request()
        case .deadLetters: deadLetter()
        case .inventory, .payment, .ledger: command(to: door)
        }
    }

    // MARK: To the orchestrator

    private mutating func start() -> Message {
        let key = Int.random(in: 0..<60, using: &random)
        var start = StartRequest(
            requestID: id, definition: "place-order", replyTo: isAnswered ? FuzzSystem.answers : nil,
            traceparent: chance(4) ? "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" : nil,
            input: FuzzCast.order(
                "victim-\(key)", sku: "victim-sku", quantity: 1, price: 700, token: pick(Self.cards)))
        switch Int.random(in: 0..<8, using: &random) {
        case 0: (start.definition, start.input) = ("cancel-order", ["orderId": .string("victim-\(key)")])
        case 1: (start.definition, start.input) = ("held", ["order": .string("held-\(key)"), "note": "n"])
        case 2: start.version = 1
        case 3: start.again = victim
        default: break
        }
        return start.message(shard: 0)
    }

    private mutating func reply() -> Message {
        let isHeld = !chance(4)
        let saga = isHeld ? FuzzCast.victim(pick(Array(FuzzCast.heldVictims))) : victim
        let step = isHeld ? pick(Self.heldSteps) : pick(Self.orderSteps)
        let command = CommandID(
            saga: saga, step: step, kind: pick([.action, .action, .compensation, .fence]), round: chance(6) ? 2 : 1)
        let outcome = pick([Outcome.succeeded, .succeeded, .failed, .retry])
        let body: JSONValue =
            outcome == .succeeded ? output : ["code": "SOME_CODE", "message": .string(FuzzCast.secret)]
        return Reply(
            command: command, outcome: outcome, attempt: chance(8) ? 2 : 1,
            retryAfterMilliseconds: outcome == .retry && chance(2) ? 500 : nil, body: body
        ).message(to: SkaldNames.replyQueue(shard: 0))
    }

    private mutating func request() -> Message {
        let isHeld = !chance(3)
        var body: JSONObject = [
            "saga": .string("\(isHeld ? FuzzCast.victim(pick(Array(FuzzCast.heldVictims))) : victim)"),
            "reason": .string(FuzzCast.secret), "by": "fuzz",
        ]
        let verb: String
        if chance(6) {
            verb = pick(["replay", "discard"])
            body["saga"] = nil
            body["deadLetter"] = .number(JSONNumber(Int64.random(in: 1...150, using: &random)))
        } else {
            verb = pick(["retry", "skip", "resolve", "cancel", "abandon", "pause", "resume", "resume"])
            if ["retry", "skip", "resolve"].contains(verb) {
                body["step"] = .string(isHeld ? pick(Self.heldSteps) : pick(Self.orderSteps))
            }
            if verb == "resolve" { body["as"] = .string(pick(["succeeded", "failed"])) }
            if verb == "resolve" || verb == "skip" { body["output"] = output }
            if chance(5) { body["expect"] = .number(JSONNumber(Int64.random(in: 1...9, using: &random))) }
        }
        return OperatorMessage(requestID: id, verb: verb, replyTo: isAnswered ? FuzzSystem.answers : nil, body: body)
            .message(shard: 0, expirationMilliseconds: 10_000)
    }

    private mutating func deadLetter() -> Message {
        let door = pick(FuzzDoor.allCases.filter { $0 != .deadLetters })
        let reason = Refusal(
            code: pick([.badCommand, .commandExpired, .replyUnknown, .jsonSyntax]), message: "from a participant")
        return DeadLetter.message(for: message(at: door), reason: reason)
    }

    // MARK: To a participant

    private struct Kind {
        let type: String
        let kind: CommandID.Kind
        let step: String
        let body: JSONValue
    }

    private mutating func command(to door: FuzzDoor) -> Message {
        let isFence = chance(6)
        let kind = isFence ? Self.fence(door, closing: pick(["action", "step"])) : pick(Self.commands[door] ?? [])
        let saga = chance(2) ? victim : FuzzCast.nobody(Int.random(in: 0..<40, using: &random))
        var body = kind.body
        if let object = body.object, object["orderId"] != nil {
            body = .object(JSONObject(object.members.map { ($0.key, $0.key == "orderId" ? order : $0.value) }))
        }
        return Command(
            id: CommandID(saga: saga, step: kind.step, kind: kind.kind, round: chance(6) ? 2 : 1), type: kind.type,
            attempt: chance(6) ? 2 : 1, participant: door.rawValue,
            replyTo: chance(3) ? SkaldNames.replyQueue(shard: 0) : FuzzSystem.replies, body: body
        ).message()
    }

    private static func fence(_ door: FuzzDoor, closing: String) -> Kind {
        let steps: [FuzzDoor: String] = [.inventory: "commit-stock", .payment: "capture-payment"]
        return Kind(
            type: Command.fenceType, kind: .fence, step: steps[door] ?? "settle-order",
            body: ["close": .string(closing)])
    }

    /// By the door they go to. Orders are put in later.
    private static let commands: [FuzzDoor: [Kind]] = [
        .inventory: [
            Kind(
                type: "inventory.reserve", kind: .action, step: "reserve-stock",
                body: ["orderId": "", "lines": [["sku": "victim-sku", "quantity": 1]]]),
            Kind(
                type: "inventory.commit", kind: .action, step: "commit-stock",
                body: ["reservation": .string("\(FuzzCast.victim(4))-reserve-stock")]),
            Kind(type: "inventory.restock", kind: .action, step: "restock", body: ["orderId": ""]),
            undo("inventory.release", "reserve-stock", ["orderId": ""], ["reservation": "none"]),
            undo("inventory.uncommit", "commit-stock", ["reservation": "none"], ["reservation": "none"]),
        ],
        .payment: [
            Kind(
                type: "payment.authorize", kind: .action, step: "authorize-payment",
                body: [
                    "orderId": "", "amount": 700, "currency": "EUR", "method": ["type": "card", "token": "tok_visa"],
                ]),
            Kind(
                type: "payment.capture", kind: .action, step: "capture-payment", body: ["authorization": "auth_3"]),
            Kind(
                type: "payment.refund", kind: .action, step: "refund-payment",
                body: ["orderId": "", "return": 1, "amount": 700, "currency": "EUR"]),
            undo("payment.void", "authorize-payment", ["orderId": ""], ["authorization": "auth_3"]),
        ],
        .ledger: [
            Kind(
                type: "ledger.record", kind: .action, step: "record-order",
                body: ["orderId": "", "amount": 700, "currency": "EUR"]),
            Kind(
                type: "ledger.settle", kind: .action, step: "settle-order", body: ["entry": 3, "capture": "cap_3"]),
            Kind(type: "ledger.begin-return", kind: .action, step: "begin-return", body: ["orderId": ""]),
            Kind(type: "ledger.reverse-sale", kind: .action, step: "reverse-sale", body: ["orderId": "", "return": 1]),
            undo("ledger.reverse", "record-order", ["orderId": ""], ["entry": 3]),
            undo("ledger.cancel-return", "begin-return", ["orderId": ""], ["return": 1]),
        ],
    ]

    private static func undo(_ type: String, _ step: String, _ input: JSONValue, _ output: JSONValue) -> Kind {
        Kind(type: type, kind: .compensation, step: step, body: ["input": input, "output": output])
    }

    // MARK: Parts

    private static let cards: [String] = [
        "tok_visa", "tok_declined", "tok_capture_declined", "tok_void_refused", "tok_timeout_after",
        "tok_expired_authorization",
    ]
    private static let heldSteps = ["reserve", "charge", "pack", "take", "ship", "tell"]
    private static let orderSteps = [
        "reserve-stock", "authorize-payment", "record-order", "commit-stock", "capture-payment", "settle-order",
    ]

    private var id: String { "fuzz-\(number)" }
    private var isAnswered: Bool { mutating get { !chance(3) } }
    private var order: JSONValue { mutating get { .string("victim-\(Int.random(in: 0..<60, using: &random))") } }
    private var victim: SagaID {
        mutating get { FuzzCast.victim(Int.random(in: 0..<FuzzCast.heldVictims.upperBound, using: &random)) }
    }
    private let output: JSONValue = [
        "place": "A1", "reservation": .string("\(FuzzCast.victim(4))-reserve-stock"), "authorization": "auth_3",
        "entry": 3, "capture": "cap_3",
    ]

    private mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }

    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &random)]
    }
}
