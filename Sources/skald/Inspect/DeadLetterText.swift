import SagaCore
import SagaStore

/// Dead letters as a person reads them, safe for a terminal.
enum DeadLetterText {
    static func list(_ letters: [StoredDeadLetter], now: Timestamp, flags: String) -> [String] {
        guard let newest = letters.first else { return ["no dead letters"] }
        let hasSettled = letters.contains { $0.settlement != nil }
        var header = ["NUMBER", "WHEN", "REASON", "SAGA", "TYPE", "BODY", "DETAIL"]
        if hasSettled { header.insert("SETTLED", at: 2) }
        var table = TextTable(header: header)
        for letter in letters {
            var row = [
                "\(letter.id)", "\(TimeText.rough(now - letter.at)) ago", letter.reason.shown(upTo: 30),
                letter.saga?.description ?? "", (letter.properties["type"]?.string ?? "").shown(upTo: 30),
                letter.bodyText(upTo: 40), letter.detail.shown(upTo: 80),
            ]
            if hasSettled { row.insert(letter.settlement?.outcome ?? "", at: 2) }
            table.add(row)
        }
        return table.lines() + ["", "one whole: skald dead-letters show \(newest.id)\(flags)"]
    }

    static func whole(_ letter: StoredDeadLetter, _ outlook: ReplayOutlook, flags: String, paint: Paint) -> [String] {
        var lines = [
            paint("Dead letter \(letter.id), \(letter.reason.escapedForTerminal)", .bold),
            DeadLetterReason.words(letter.reason),
        ]
        func add(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { lines.append("  \(name): \(value)".escapedForTerminal) }
        }
        add("detail", letter.detail)
        add("when", TimeText.full(letter.at) + " UTC")
        add("settled", letter.settlement?.words)
        add("saga", letter.saga.map { "\($0), see skald show \($0)\(flags)" })

        lines += ["", paint("Where it was going, and its headers", .bold)]
        add("exchange", letter.exchange.isEmpty ? "(default)" : letter.exchange)
        add("routing key", letter.routingKey)
        for (name, value) in letter.properties.object?.members ?? [] where name != "headers" {
            add(wireName(name), value.string ?? value.text)
        }
        for pair in letter.properties["headers"]?.array ?? [] {
            guard let pair = pair.array, pair.count == 2, let name = pair[0].string else { continue }
            add("header \(name)", pair[1].string ?? pair[1].text)
        }

        lines += ["", paint("Body, \(letter.body.count) bytes", .bold)] + Self.body(letter.body).map { "  \($0)" }
        lines += ["", paint("If it were replayed", .bold)]
        switch outlook.safety {
        case .safe where outlook.comesBack: lines.append("  No use: \(outlook.what).")
        case .safe: lines.append("  \(paint("Safe", .green)): \(outlook.what).")
        case .unsafe: lines.append("  \(paint("Not safe", .red)): \(outlook.what).")
        case .refused: lines.append("  Not possible: \(outlook.what).")
        }
        let commands = letter.commands(outlook, flags: flags)
        guard !commands.isEmpty else { return lines }
        return lines + ["", paint("What you can do now", .bold)] + commands.map { "  \(paint($0, .cyan))" }
    }

    /// A property's name as AMQP has it, which is what other teams know.
    private static func wireName(_ property: String) -> String {
        switch property {
        case "contentType": "content_type"
        case "messageID": "message_id"
        case "correlationID": "correlation_id"
        case "replyTo": "reply_to"
        default: property
        }
    }

    /// JSON indented, other text line by line; what is no UTF-8 with its odd bytes escaped.
    static func body(_ body: [UInt8]) -> [String] {
        if let json = try? JSONValue.parse(body, limits: .stored) {
            return json.prettyText.escapedAsJSON.split(separator: "\n").map(String.init)
        }
        let lines = body.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return lines.map { line in
            String(validating: line, as: UTF8.self).map(\.escapedForTerminal) ?? line.map(Self.escaped).joined()
        }
    }

    /// Printable ASCII as it is, anything else as `\xff`.
    private static func escaped(_ byte: UInt8) -> String {
        guard (0x20...0x7e).contains(byte), byte != UInt8(ascii: "\\") else {
            let digits = String(byte, radix: 16)
            return "\\x" + (digits.count == 1 ? "0" : "") + digits
        }
        return String(UnicodeScalar(byte))
    }
}

extension StoredDeadLetter {
    /// The body on one line, cut.
    fileprivate func bodyText(upTo limit: Int) -> String {
        guard let text = String(validating: body, as: UTF8.self) else { return "\(body.count) bytes, not UTF-8" }
        return String(text.prefix(limit + 1)).shown(upTo: limit)
    }

    /// What an operator may do with it, to be copied.
    fileprivate func commands(_ outlook: ReplayOutlook, flags: String) -> [String] {
        guard settlement == nil else { return [] }
        let discard = "skald dead-letters discard \(id) --reason \"…\"\(flags)"
        return outlook.safety == .safe && !outlook.comesBack
            ? ["skald dead-letters replay \(id) --reason \"…\"\(flags)", discard] : [discard]
    }

    /// Everything, with what a replay would do.
    func json(_ outlook: ReplayOutlook) -> JSONValue {
        var object = json.object ?? [:]
        object["meaning"] = .string(DeadLetterReason.words(reason))
        object["replay"] = [
            "safety": .string(outlook.safety.rawValue), "comesBack": .bool(outlook.comesBack),
            "what": .string(outlook.what),
        ]
        return .object(object)
    }

    var json: JSONValue {
        var object: JSONObject = [
            "number": .number(JSONNumber(id)), "at": .string(at.iso8601), "reason": .string(reason),
            "detail": .string(detail),
        ]
        object["saga"] = saga.map { .string($0.description) }
        if let settlement {
            object["settledAs"] = .string(settlement.outcome)
            object["settledAt"] = .string(settlement.at.iso8601)
            object["settledBy"] = settlement.author.map { .string($0) }
            object["settledReason"] = settlement.reason.map { .string($0) }
        }
        object["exchange"] = .string(exchange)
        object["routingKey"] = .string(routingKey)
        object["properties"] = properties
        if let json = try? JSONValue.parse(body) {
            object["body"] = json
        } else if let text = String(validating: body, as: UTF8.self) {
            object["bodyText"] = .string(text)
        } else {
            object["bodyBytes"] = .array(body.map { .number(JSONNumber(Int64($0))) })
        }
        return .object(object)
    }
}

extension StoredDeadLetter.Settlement {
    /// `discarded by ann at 2026-11-21 02:14:07.120 UTC: ticket 812`.
    fileprivate var words: String {
        "\(outcome)\(author.map { " by \($0)" } ?? "") at \(TimeText.full(at)) UTC\(reason.map { ": \($0)" } ?? "")"
    }
}
