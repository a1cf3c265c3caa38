import SagaCore
import SagaStore

/// Dead letters as a person reads them, safe for a terminal.
enum DeadLetterText {
    static func list(_ letters: [StoredDeadLetter], now: Timestamp, flags: String) -> [String] {
        guard let newest = letters.first else { return ["no dead letters"] }
        let hasSettled = letters.contains { $0.settledAs != nil }
        var header = ["NUMBER", "WHEN", "REASON", "SAGA", "TYPE", "BODY", "DETAIL"]
        if hasSettled { header.insert("SETTLED", at: 2) }
        var table = TextTable(header: header)
        for letter in letters {
            var row = [
                "\(letter.id)", "\(TimeText.rough(now - letter.at)) ago", letter.reason.shown(upTo: 30),
                letter.saga?.description ?? "", (letter.properties["type"]?.string ?? "").shown(upTo: 30),
                letter.bodyText(upTo: 40), letter.detail.shown(upTo: 80),
            ]
            if hasSettled { row.insert(letter.settledAs ?? "", at: 2) }
            table.add(row)
        }
        return table.lines() + ["", "one whole: skald dead-letters show \(newest.id)\(flags)"]
    }

    static func whole(_ letter: StoredDeadLetter, paint: Paint) -> [String] {
        var lines = [paint("Dead letter \(letter.id), \(letter.reason.escapedForTerminal)", .bold)]
        func add(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { lines.append("  \(name): \(value)".escapedForTerminal) }
        }
        add("when", TimeText.full(letter.at) + " UTC")
        add("why", letter.detail)
        add("settled", letter.settledAs)
        add("saga", letter.saga?.description)
        add("exchange", letter.exchange)
        add("routing key", letter.routingKey)
        for (name, value) in letter.properties.object?.members ?? [] where name != "headers" {
            add(name, value.string ?? value.text)
        }
        for pair in letter.properties["headers"]?.array ?? [] {
            guard let pair = pair.array, pair.count == 2, let name = pair[0].string else { continue }
            add("header \(name)", pair[1].string ?? pair[1].text)
        }
        lines += ["", paint("Body, \(letter.body.count) bytes", .bold)]
        return lines + letter.bodyLines.map { "  \($0)" }
    }
}

extension StoredDeadLetter {
    /// The body on one line, cut.
    fileprivate func bodyText(upTo limit: Int) -> String {
        guard let text = String(validating: body, as: UTF8.self) else { return "\(body.count) bytes, not UTF-8" }
        return String(text.prefix(limit + 1)).shown(upTo: limit)
    }

    /// JSON indented, other text line by line, anything else in hexadecimal.
    fileprivate var bodyLines: [String] {
        if let json = try? JSONValue.parse(body, limits: .stored) {
            return json.prettyText.escapedAsJSON.split(separator: "\n").map(String.init)
        }
        if let text = String(validating: body, as: UTF8.self) {
            return text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).escapedForTerminal }
        }
        return stride(from: 0, to: body.count, by: 32).map { start in
            body[start..<min(start + 32, body.count)].map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }.joined(separator: " ")
        }
    }

    var json: JSONValue {
        var object: JSONObject = [
            "number": .number(JSONNumber(id)), "at": .string(at.iso8601), "reason": .string(reason),
            "detail": .string(detail),
        ]
        object["saga"] = saga.map { .string($0.description) }
        object["settledAs"] = settledAs.map { .string($0) }
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
