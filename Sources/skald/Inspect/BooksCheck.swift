import Foundation
import OrderServices
import SagaCore
import SagaStore

/// Money and stock in the order services' own files, which stand beside the orchestrator's.
struct BooksCheck {
    let audit: AuditReport
    /// Every saga had ended or was stuck while the books were read; only then are the services compared.
    let isAtRest: Bool
    /// Sagas left out: stuck, abandoned, or settled by an operator's word.
    let exceptions: Set<SagaID>

    var problems: [String] { audit.violations + audit.unfinished }

    init(directory: String, reader: SagaStoreReader) throws {
        for service in ["inventory", "payment", "ledger", "gateway"] {
            let path = "\(directory)/\(service).sqlite"
            guard FileManager.default.fileExists(atPath: path) else {
                throw CommandFailure(
                    .noInput, "no \(path.escapedForTerminal): --books reads the files of all three order services")
            }
        }
        let books = try MoneyAndStockAudit(reading: directory)
        let before = try reader.read(Self.rest)
        var audit = try books.report(atRest: before != nil, excepting: before ?? [])
        if let before {
            audit.violations += try EffectsCheck.breaches(
                reader, try EffectsAudit(reading: directory).effects(), excepting: before)
        }
        // What was read while something began or ended is worth no more than what holds at any time.
        guard let before, try reader.read(Self.rest) == before else {
            self.audit = try books.report(atRest: false)
            isAtRest = false
            exceptions = []
            return
        }
        self.audit = audit
        isAtRest = true
        exceptions = before
    }

    /// The sagas of which anything may be left over, or nil while one is under way.
    private static func rest(_ transaction: StoreView) throws -> Set<SagaID>? {
        let counts = try transaction.countByStatus()
        guard counts[.running] == nil, counts[.compensating] == nil, try transaction.outboxCount() == 0 else {
            return nil
        }
        return try transaction.loose()
    }
}

extension StoreView {
    /// Sagas that are stuck or abandoned, or were settled by an operator's word: of their money and stock anything may
    /// be left over, and the services' own books may say otherwise.
    func loose() throws -> Set<SagaID> {
        var filter = SagaFilter()
        filter.statuses = [.stuck, .abandoned]
        filter.limit = .max
        return Set(try sagas(filter).map(\.id)).union(try sagasSettledByOperators()).union(try prunedAbandoned())
    }
}

extension AuditReport {
    func show(on out: Terminal, whole: Bool = true) {
        out.line(out.style("Money and stock", .bold))
        for figure in figures { out.line("  \(figure.name): \(figure.value)") }
        for problem in violations + unfinished { out.line(out.style("  WRONG \(problem)".escapedForTerminal, .red)) }
        guard isCleanAtRest else { return }
        out.line(
            whole
                ? out.style("  every check holds", .green)
                : "  every check that holds at any time does; sagas are under way, so the services are not compared")
    }

    var json: JSONObject {
        var figures = JSONObject()
        for figure in self.figures { figures[figure.name] = .number(JSONNumber(figure.value)) }
        return [
            "figures": .object(figures), "violations": .array((violations + unfinished).map { .string($0) }),
        ]
    }
}
