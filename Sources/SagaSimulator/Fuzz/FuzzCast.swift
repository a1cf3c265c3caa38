import SagaBus
import SagaCore

/// The sagas of a round: victims, which mutants are aimed at, and neighbours, which must not notice.
///
/// Time stands still while messages are sent, so that every id is known beforehand. Victims are older than neighbours
/// by enough for no small change to make one's id into the other's.
enum FuzzCast {
    private static let victimMilliseconds: Int64 = 659_180 << 17
    private static let neighbourMilliseconds: Int64 = 659_184 << 17

    static let victimTime = SagaID.epoch.adding(milliseconds: victimMilliseconds)
    /// Nine minutes later: before any deadline.
    static let neighbourTime = SagaID.epoch.adding(milliseconds: neighbourMilliseconds)

    static func victim(_ index: Int) -> SagaID {
        SagaID(milliseconds: victimMilliseconds, shard: 0, sequence: index)
    }

    /// Of the bystanders, the first sagas of the neighbours' time.
    static func bystander(_ index: Int) -> SagaID {
        SagaID(milliseconds: neighbourMilliseconds, shard: 0, sequence: index)
    }

    /// A saga that is not there, older than all.
    static func nobody(_ index: Int) -> SagaID {
        SagaID(milliseconds: victimMilliseconds - 1, shard: 0, sequence: index)
    }

    // MARK: Victims

    /// Orders of victims: three that complete, one that is declined, one whose card times out.
    static let victimOrders: [String] = ["tok_visa", "tok_visa", "tok_visa", "tok_declined", "tok_timeout_before"]
    /// Victims whose participant never answers: in flight, for replies to be aimed at.
    static let heldVictims = victimOrders.count..<victimOrders.count + 10

    static var victimStarts: [StartRequest] {
        victimOrders.enumerated().map { index, token in
            StartRequest(
                requestID: "victim-\(index)", definition: "place-order", replyTo: FuzzSystem.answers,
                input: order("victim-\(index)", sku: "victim-sku", quantity: 2, price: 1500, token: token))
        }
            + heldVictims.map { index in
                StartRequest(
                    requestID: "victim-\(index)", definition: "held", replyTo: FuzzSystem.answers,
                    input: ["order": .string("held-\(index)"), "note": .string(secret)])
            }
    }

    static let stock = """
        {"sku":"victim-sku","onHand":100000}
        {"sku":"neighbour-sku","onHand":100000}
        """

    /// Stands in bodies and ids; no refusal may repeat it.
    static let secret = "s3cret-4242"

    static func order(_ id: String, sku: String, quantity: Int64, price: Int64, token: String) -> JSONValue {
        [
            "orderId": .string(id), "customerId": .string(secret), "currency": "EUR",
            "total": .number(JSONNumber(quantity * price)),
            "lines": [
                [
                    "sku": .string(sku), "quantity": .number(JSONNumber(quantity)),
                    "unitPrice": .number(JSONNumber(price)), "discount": 0,
                ]
            ],
            "paymentMethod": ["type": "card", "token": .string(token)],
        ]
    }

    /// A saga of every kind of step, whose participant has a queue and does not run: the round plays it.
    static let held: JSONValue = [
        "saga": "held", "version": 1, "key": "${input.order}", "deadline": "24h",
        "events": ["started": "HELD", "completed": "LET_GO", "compensated": "DROPPED"],
        "steps": [
            step("reserve", after: [], undo: "nobody.release", with: ["order": "${input.order}"]),
            step("charge", after: ["reserve"], undo: "nobody.refund", with: ["place": "${steps.reserve.place}"]),
            step("pack", after: ["reserve"], undo: "nobody.unpack", with: ["note": "${input.note}"]),
            step("take", kind: "pivot", after: ["charge", "pack"], with: ["order": "${input.order}"]),
            step("ship", kind: "retriable", after: ["take"], with: ["place": "${steps.reserve.place}"]),
            step("tell", kind: "retriable", after: ["take"], with: ["order": "${input.order}"]),
        ],
    ]

    private static func step(
        _ name: String, kind: String? = nil, after: [String], undo: String? = nil, with: JSONValue
    ) -> JSONValue {
        var step: JSONObject = [
            "name": .string(name), "after": .array(after.map { .string($0) }), "participant": "nobody",
            "action": .string("nobody.\(name)"), "with": with, "timeout": "1h",
        ]
        step["kind"] = kind.map { .string($0) }
        step["compensation"] = undo.map { .string($0) }
        if kind == nil { step["retry"] = ["attempts": 3] }
        return .object(step)
    }

    // MARK: What a mutant must keep away from

    /// The beginning of every id of the neighbours' time.
    private static let neighbourPrefix = Array("\(bystander(0))".utf8.prefix(5))

    /// Whether a mutant might be a valid message that concerns a neighbour: names its saga, or what the services have
    /// given it (authorizations, captures and entries are numbered; the victims have the first three).
    static func mayConcernNeighbours(_ message: Message) -> Bool {
        let properties = message.properties
        let texts = [properties.messageID, properties.correlationID].compactMap { $0.map { Array($0.utf8) } }
        let headers = properties.headers.compactMap { header -> [UInt8]? in
            if case .string(let text) = header.value { Array(text.utf8) } else { nil }
        }
        return (texts + headers + [message.body]).contains { namesNeighbour($0) || numbersNeighbour($0) }
    }

    private static func namesNeighbour(_ text: [UInt8]) -> Bool {
        finds(text) { text, index in
            guard spelled(text[index]) == neighbourPrefix[0], text.count - index >= neighbourPrefix.count else {
                return false
            }
            return neighbourPrefix.indices.allSatisfy { spelled(text[index + $0]) == neighbourPrefix[$0] }
        }
    }

    /// Whether there is a place of which this is true. Bodies are large, and builds are seldom optimized.
    private static func finds(
        _ text: [UInt8], at isPlace: (UnsafeBufferPointer<UInt8>, Int) -> Bool
    ) -> Bool {
        text.withUnsafeBufferPointer { buffer in
            var index = 0
            while index < buffer.count {
                // What is padded, is padded with spaces.
                if buffer[index] != 0x20, isPlace(buffer, index) { return true }
                index += 1
            }
            return false
        }
    }

    /// As an id is read: in either case, `o` for 0, `i` and `l` for 1.
    private static func spelled(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "o"), UInt8(ascii: "O"): UInt8(ascii: "0")
        case UInt8(ascii: "i"), UInt8(ascii: "I"), UInt8(ascii: "l"), UInt8(ascii: "L"): UInt8(ascii: "1")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 0x20
        default: byte
        }
    }

    private static let numbered = ["auth_", "cap_", "ref_", "entry\":", "entry\" :", "entry\": "].map { Array($0.utf8) }

    private static func numbersNeighbour(_ text: [UInt8]) -> Bool {
        finds(text) { text, index in
            switch text[index] {
            case UInt8(ascii: "a"), UInt8(ascii: "c"), UInt8(ascii: "r"), UInt8(ascii: "e"): break
            default: return false
            }
            guard let name = numbered.first(where: { text[index...].starts(with: $0) }) else { return false }
            let digits = text[(index + name.count)...].prefix(12).prefix { (0x30...0x39).contains($0) }
            guard let number = Int(String(decoding: digits, as: UTF8.self)) else { return false }
            return number > 3 && number < 1_000_000
        }
    }
}
