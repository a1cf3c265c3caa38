import SagaBus
import SagaCore

extension MessageMutator {
    mutating func mutateEnvelope(_ message: inout Message) -> String {
        switch index(10) {
        case 0, 1, 2: return mutateText(&message.properties)
        case 3, 4, 5: return mutateHeader(&message.properties)
        case 6, 7: return mutateCommandID(&message.properties)
        case 8:
            message.properties.headers += (0..<index(300)).map { ("more-\($0)", .int(Int64($0))) }
            return "many headers"
        default:
            message.routingKey = pick(Self.addresses.compactMap(\.self))
            if chance(3) { message.exchange = pick(["", "no.such.exchange", SkaldNames.starts, SkaldNames.events]) }
            return "another address"
        }
    }

    private static let texts: [String?] = [
        nil, "", " ", "a\nb", "\0", "\u{1b}[2J", String(repeating: "i", count: 255), String(repeating: "i", count: 256),
        String(repeating: "\u{fffd}", count: 85), String(repeating: "\u{fffd}", count: 255), "e\u{301}", "reply",
        "held", "place-order", "skald.fence", "pause", "payment.authorize", "4711", "../../etc/passwd",
        "\(FuzzCast.victim(0))", "\(FuzzCast.nobody(3))/charge/action/1", FuzzCast.secret,
    ]

    /// Where a message goes is logged when it does not arrive, so it is no secret.
    private static let addresses = texts.filter { $0 != FuzzCast.secret }

    private mutating func mutateText(_ properties: inout MessageProperties) -> String {
        let texts: [(String, WritableKeyPath<MessageProperties, String?>)] = [
            ("message_id", \.messageID), ("correlation_id", \.correlationID), ("type", \.type),
            ("reply_to", \.replyTo), ("content_type", \.contentType), ("user_id", \.userID),
        ]
        let (name, text) = pick(texts)
        if name == "reply_to", chance(2) {
            properties.replyTo = pick(FuzzDoor.allCases.map(\.queue) + [SkaldNames.commands, "no.such.queue"])
            return "reply_to a queue of Skald's"
        }
        if chance(2), let old = properties[keyPath: text] {
            properties[keyPath: text] = misspelled(old)
            return "\(name) misspelled"
        }
        properties[keyPath: text] = pick(name == "reply_to" ? Self.addresses : Self.texts)
        return "another \(name)"
    }

    private static let headerNames = [
        "skald-attempt", "skald-outcome", "skald-retry-after", "skald-version", "skald-again", "skald-reason",
        "skald-detail", "skald-exchange", "skald-routing-key", "skald-step", "traceparent", "", "h\0",
        String(repeating: "n", count: 200),
    ]

    private static let headerValues: [HeaderValue] = [
        .bool(true), .int(.min), .int(.max), .int(0), .int(-1), .int(1), .int(2), .int(2_147_483_648), .unsupported,
        .string(""), .string("1"), .string("-1"), .string("999999999999999999999"), .string("1.5"), .string("failed"),
        .string("succeeded"), .string("retry"), .string("\0"), .string("\u{1b}[2J"), .string("skald.starts"),
        .string(String(repeating: "v", count: 70_000)), .string("\(FuzzCast.victim(3))"), .string("NOT_A_CODE"),
    ]

    private mutating func mutateHeader(_ properties: inout MessageProperties) -> String {
        let place = properties.headers.isEmpty ? nil : index(properties.headers.count)
        switch (index(4), place) {
        case (0, let place?):
            return "without \(properties.headers.remove(at: place).name)"
        case (1, let place?):
            properties.headers[place].value = pick(Self.headerValues)
            return "another \(properties.headers[place].name)"
        case (2, let place?):
            properties.headers.insert((properties.headers[place].name, pick(Self.headerValues)), at: place)
            return "\(properties.headers[place].name) twice"
        default:
            let name = pick(Self.headerNames)
            properties.headers.insert((name, pick(Self.headerValues)), at: 0)
            return "\(String(name.prefix(20)).escapedForTerminal) set"
        }
    }

    /// Another saga, step, kind or round: a command or reply that is well formed and out of place.
    private mutating func mutateCommandID(_ properties: inout MessageProperties) -> String {
        let place: WritableKeyPath<MessageProperties, String?> =
            properties.correlationID.flatMap(CommandID.init) == nil ? \.messageID : \.correlationID
        guard let id = properties[keyPath: place].flatMap(CommandID.init) else { return mutateText(&properties) }
        let saga = chance(2) ? FuzzCast.victim(index(20)) : FuzzCast.nobody(index(900))
        let sagas = [saga, SagaID(rawValue: .min), SagaID(rawValue: .max), SagaID(rawValue: random.next())]
        let other: CommandID
        switch index(4) {
        case 0: other = CommandID(saga: pick(sagas), step: id.step, kind: id.kind, round: id.round)
        case 1:
            let steps = ["charge", "take", "ship", "capture-payment", "settle-order", "nowhere"]
            other = CommandID(saga: id.saga, step: pick(steps), kind: id.kind, round: id.round)
        case 2: other = CommandID(saga: id.saga, step: id.step, kind: pick(CommandID.Kind.allCases), round: id.round)
        default:
            let round = pick([0, 2, 3, 999_999_999, 1_000_000_000])
            other = CommandID(saga: id.saga, step: id.step, kind: id.kind, round: round)
        }
        properties[keyPath: place] = "\(other)"
        return "the id of another command"
    }
}
