import OrderServices
import SagaCore
import SagaStore

/// What a demo came to: how the orders ended, the money and stock checks, and where to look further.
struct DemoReport {
    let system: EmbeddedSystem
    let directory: String
    let orders: Int
    let seconds: Double

    func show(asJSON isJSON: Bool) throws {
        let (counts, reasons, exceptions) = try system.store.read { transaction in
            (try transaction.countByStatus(), try transaction.countByRollback(), try transaction.loose())
        }
        guard let audit = try MoneyAndStockAudit(system.services)?.report(atRest: true, excepting: exceptions) else {
            preconditionFailure("every order service is open")
        }
        if isJSON {
            Terminal.standardOutput.json(json(counts, reasons, audit))
        } else {
            show(counts, reasons, audit)
        }
        guard audit.isCleanAtRest else { throw CommandFailure(.refused, "the books do not add up: see above") }
    }

    private func show(
        _ counts: [SagaStatus: Int], _ reasons: [(reason: String, code: String?, count: Int)], _ audit: AuditReport
    ) {
        let out = Terminal.standardOutput
        out.line(
            out.style("\(orders) orders in \(seconds.oneDecimal) s, \(Int(Double(orders) / seconds)) a second", .bold))
        for status in SagaStatus.allCases {
            guard let count = counts[status] else { continue }
            out.line("  \(count) \(status.rawValue)")
            guard status == .compensated else { continue }
            for (reason, code, count) in reasons {
                out.line("      \(count) \(reason)\(code.map { " " + $0 } ?? "")".escapedForTerminal)
            }
        }
        out.line()
        audit.show(on: out)
        out.line()
        out.line(out.style("Look further", .bold))
        let flag = "--data-dir \(directory.shellWord)"
        out.line("  skald list \(flag) --status compensated")
        if let key = firstKey(.compensated) { out.line("  skald show \(key) \(flag)") }
        if let key = firstKey(.completed) { out.line("  skald history \(key) \(flag)") }
    }

    private func firstKey(_ status: SagaStatus) -> String? {
        var filter = SagaFilter()
        filter.statuses = [status]
        filter.limit = 1
        return try? system.store.read { try $0.sagas(filter).first?.key.escapedForTerminal }
    }

    private func json(
        _ counts: [SagaStatus: Int], _ reasons: [(reason: String, code: String?, count: Int)], _ audit: AuditReport
    ) -> JSONValue {
        func number(_ value: some BinaryInteger) -> JSONValue { .number(JSONNumber(Int64(value))) }
        var statuses = JSONObject()
        for status in SagaStatus.allCases { statuses[status.rawValue] = number(counts[status] ?? 0) }
        var json: JSONObject = [
            "orders": number(orders), "milliseconds": number(Int64(seconds * 1000)), "statuses": .object(statuses),
            "rollbacks": .array(
                reasons.map { reason, code, count in
                    ["reason": .string(reason), "code": code.map { .string($0) } ?? .null, "count": number(count)]
                }),
        ]
        for member in audit.json.members { json[member.key] = member.value }
        json["dataDirectory"] = .string(directory)
        return .object(json)
    }
}

extension Double {
    var oneDecimal: String {
        let tenths = Int64((self * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
