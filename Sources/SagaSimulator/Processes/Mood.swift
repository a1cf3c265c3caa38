import DurableSQLite
import GRDB
import SagaCore
import SagaParticipant

/// Has a participant refuse or fail now and then: before it has written anything, or after.
// One thread drives a simulation and all that belongs to it.
final class Mood: @unchecked Sendable {
    private struct Unforeseen: Error {}
    private let luck: Luck
    private let trace: Trace
    private let causes: ServiceCauses

    /// The code of an answer that asks to be asked again.
    static let busy = "BUSY"

    /// Actions before the point of no return.
    private static let refusable: Set = [
        "inventory.reserve", "payment.authorize", "ledger.record", "inventory.commit", "payment.capture",
        "ledger.begin-return", "payment.refund",
    ]

    init(luck: Luck, trace: Trace, causes: ServiceCauses) {
        self.luck = luck
        self.trace = trace
        self.causes = causes
    }

    @Sendable func before(_ context: CommandContext) throws {
        if luck.happens(.handlerError) {
            trace.note("handler", "of \(context.id) fails")
            causes.hasFailed(context.id)
            throw Unforeseen()
        }
        guard luck.happens(Self.isRefusable(context) ? .refuseAction : .refuseForGood) else { return }
        trace.note("handler", "of \(context.id) refuses")
        causes.hasRefused(context.id)
        throw Refusal(code: .notAllowed, message: "not today")
    }

    /// What has been written by now must go again, unless it stays a success.
    @Sendable func after(_ db: Database, _ context: CommandContext, _ end: HandlerEnd) throws -> HandlerResult {
        guard case .succeeded = end.result else { return end.result }
        if luck.happens(.handlerError) {
            causes.hasFailed(context.id)
            switch luck.draw(0...2, of: .handlerError) {
            case 0:
                trace.note("handler", "of \(context.id) fails, having written")
                // A refusal that comes after a call is none: the call stands.
                if end.isOfCall, luck.draw(0...1, of: .handlerError) == 0 {
                    throw Refusal(code: .notAllowed, message: "")
                }
                throw Unforeseen()
            case 1:
                trace.note("handler", "of \(context.id) asks to be asked again, having written")
                return .retry(afterMilliseconds: 100, code: Self.busy, message: "not now")
            default:
                trace.note("handler", "of \(context.id) spoils its transaction")
                try spoil(db)
                return end.result
            }
        }
        // A refusal after a call to the outside would leave what the call has done.
        if !end.isOfCall, luck.happens(Self.isRefusable(context) ? .refuseAction : .refuseForGood) {
            trace.note("handler", "of \(context.id) refuses, having written")
            causes.hasRefused(context.id)
            return .failed(code: RefusalCode.notAllowed.rawValue, message: "not today")
        }
        return end.result
    }

    private static func isRefusable(_ context: CommandContext) -> Bool { refusable.contains(context.type) }

    /// A line without its head: the commit refuses it, and with it the whole transaction.
    private func spoil(_ db: Database) throws {
        let line =
            if try db.tableExists("journal_line") {
                """
                INSERT INTO journal_line (entry, position, account, currency, debit, credit)
                VALUES (-1, 1, 'revenue', 'EUR', 1, 0)
                """
            } else if try db.tableExists("reservation_line") {
                "INSERT INTO reservation_line (reservation, sku, quantity) VALUES ('none', '0', 1)"
            } else {
                """
                INSERT INTO refund (id, capture, saga, step, amount, refunded_at) VALUES ('none', 'none', 0, '', 1, 0)
                """
            }
        try db.execute(sql: "PRAGMA defer_foreign_keys = ON")
        try db.execute(sql: line)
    }
}
