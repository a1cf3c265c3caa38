import OrderServices
import SagaCore

/// A refusal has its reason: the simulation made the handler or the gateway refuse, or the books at that time give one.
struct RefusalCheck {
    let watches: [ParticipantWatch]
    let causes: ServiceCauses
    let books: Books
    let sagas: [SagaID: SagaState]
    let inventory: BarrierRows
    let ledger: BarrierRows
    /// Operators decided about it: a step may have been handed something invented.
    let isTouched: (_ order: String) -> Bool
    /// A clock was set: what was when is not told by the times in the books.
    let isTimeless: Bool

    func violations() -> [String] {
        var violations: [String] = []
        for watch in watches {
            for (key, answer) in watch.answers where answer.outcome == .failed && answer.command.kind != .fence {
                if !hasReason(answer) { violations.append("\(key) was refused without reason: \(answer.code)") }
            }
        }
        return violations.sorted()
    }

    private func hasReason(_ answer: ParticipantWatch.Answer) -> Bool {
        let id = answer.command
        switch answer.code {
        case RefusalCode.fenced.rawValue: return true
        case RefusalCode.commandExpired.rawValue: return OldRecords.isExpired(id)
        case OldRecords.code: return OldRecords.isOld(id)
        case RefusalCode.notAllowed.rawValue: return causes.refused.contains(id)
        default: break
        }
        if case .refused(answer.code, _)? = causes.gatewayAnswers[id.description] { return true }
        guard let saga = sagas[id.saga] else { return false }
        if isTouched(saga.key) { return true }
        let place = BarrierRows.Place(saga: id.saga, step: id.step)
        switch answer.code {
        case "OUT_OF_STOCK", "RESERVATION_EXPIRED":
            let row = inventory.rows(place, id.kind).first { $0.round == id.round }
            return isTimeless || row.map { isShort(BooksCheck.lines(saga.input), at: $0.createdAt) } ?? false
        case "ORDER_UNKNOWN", "ORDER_NOT_SETTLED", "ORDER_REVERSED", "ORDER_RETURNED", "RETURN_UNDERWAY":
            guard answer.type == "ledger.begin-return" else { return false }
            let row = ledger.rows(place, id.kind).first { $0.round == id.round }
            return isTimeless || row.map { !stood(saga.key, before: $0.createdAt) } ?? false
        default: return false
        }
    }

    /// There was not enough of something, at some moment of that millisecond.
    private func isShort(_ lines: [String: Int64], at time: Int64) -> Bool {
        var available: [String: Int64] = [:]
        var before = lines.contains { available[$0.key, default: 0] < $0.value }
        for change in books.stockChanges {
            if change.at > time { break }
            if change.at == time, before { return true }
            available[change.sku, default: 0] += change.available
            before = lines.contains { available[$0.key, default: 0] < $0.value }
        }
        return before
    }

    /// The order had been settled, and nobody had begun to return it.
    private func stood(_ order: String, before time: Int64) -> Bool {
        let settled = books.entries.filter { $0.kind == "settle" && $0.orderID == order && $0.at < time }
        guard !settled.isEmpty else { return false }
        return !sagas.values.contains { other in
            guard other.key == order,
                let step = other.definition.steps.first(where: { $0.action == "ledger.begin-return" })
            else { return false }
            return ledger.success(BarrierRows.Place(saga: other.id, step: step.name), .action) != nil
        }
    }
}
