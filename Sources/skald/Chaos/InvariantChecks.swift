import DurableSQLite
import OrderServices
import SagaCore
import SagaStore

/// I1 to I7 over everything a run has left: the orchestrator's file, the services' files, the broker's queues, and what
/// the caller was told. The system is at rest.
struct InvariantChecks {
    private let directory: String
    private let reader: SagaStoreReader
    private let feeder: OrderFeeder.Tally
    private let pasts: [SagaID: SystemSampler.Past]
    private(set) var violations: [ChaosJournal.Violation] = []
    private(set) var sagas: [SagaSummary] = []
    private(set) var books = AuditReport()

    /// What is reported of one kind at most; a fault of ours would be found in every saga.
    private static let mostAlike = 20

    init(
        directory: String, feeder: OrderFeeder.Tally, pasts: [SagaID: SystemSampler.Past]
    ) throws {
        self.directory = directory
        self.feeder = feeder
        self.pasts = pasts
        reader = try SagaStoreReader(path: directory + "/skald.sqlite")
    }

    /// - Parameter queues: those that still hold messages; nil when the broker did not say.
    mutating func run(queues: [String: Int]?) throws {
        let exceptions = try reader.read { try $0.loose() }
        let effects = try EffectsAudit(reading: directory).effects()
        try readSagas(effects, exceptions)
        checkStarts()
        checkMoney(try MoneyAndStockAudit(reading: directory).report(atRest: true, excepting: exceptions))
        try checkRest(queues)
        let known = Set(sagas.map(\.id))
        for saga in effects.keys.sorted() where !known.contains(saga) {
            add("I7", "a service has carried out commands of saga \(saga), which was never committed", [saga])
        }
        let unsound = try reader.read { try $0.integrityProblems() }.map { "orchestrator: \($0)" }
        for problem in try unsound + EffectsAudit(reading: directory).integrityProblems() {
            add("I5", "SQLite finds the file damaged: \(problem)", [])
        }
    }

    private mutating func add(_ rule: String, _ text: String, _ sagas: [SagaID]) {
        violations.append(ChaosJournal.Violation(rule: rule, text: text, sagas: sagas))
    }

    // MARK: Saga by saga

    private mutating func readSagas(_ effects: [SagaID: [String: StepEffects]], _ exceptions: Set<SagaID>) throws {
        var filter = SagaFilter()
        filter.limit = 200
        var definitions: [String: SagaDefinition] = [:]
        while true {
            let rows = try reader.read { transaction in
                let rows = try transaction.sagas(filter)
                for row in rows {
                    for difference in try IndexCheck.differences(row, in: transaction) {
                        add("I5", difference, [row.id])
                    }
                    let state = try transaction.state(of: row.id) { hash in
                        if definitions[hash] == nil { definitions[hash] = try transaction.definition(hash: hash) }
                        return definitions[hash]
                    }
                    guard let state else { continue }
                    let found = EffectsCheck.breaches(
                        of: state, effects[row.id] ?? [:], isExcepted: exceptions.contains(row.id))
                    for breach in found { add(breach.rule, "saga \(row.id): \(breach.text)", [row.id]) }
                    if let past = pasts[row.id] {
                        checkPast(row, past, try transaction.history(of: row.id, definition: state.definition))
                    }
                }
                return rows
            }
            guard let last = rows.last else { break }
            sagas += rows
            filter.before = last.id
        }
        let known = Set(sagas.map(\.id))
        for saga in pasts.keys.sorted() where !known.contains(saga) {
            add("I5", "saga \(saga) was seen and is gone", [saga])
        }
    }

    private mutating func checkPast(_ row: SagaSummary, _ past: SystemSampler.Past, _ history: [HistoryEntry]) {
        if Array(history.prefix(past.history.count)) != past.history {
            add("I5", "saga \(row.id): its first \(past.history.count) events are not what they were", [row.id])
        }
        if past.status.isTerminal, past.status != row.status {
            add("I5", "saga \(row.id) was \(past.status.rawValue) and is \(row.status.rawValue)", [row.id])
        }
    }

    // MARK: All together

    /// I1, from the caller's side and from the file's.
    private mutating func checkStarts() {
        var byKey: [OrderFeeder.Key: [SagaSummary]] = [:]
        for saga in sagas { byKey[OrderFeeder.Key(definition: saga.name, key: saga.key), default: []].append(saga) }
        var unaccounted: [SagaID] = []
        for (key, found) in byKey {
            if found.count > 1 {
                add("I1", "\(key.definition) \(key.key) is \(found.count) sagas", found.map(\.id))
            } else if let accepted = feeder.accepted[key], accepted != found[0].id {
                add("I1", "\(key.definition) \(key.key) was accepted as another saga", [accepted, found[0].id])
            } else if feeder.accepted[key] == nil {
                unaccounted.append(found[0].id)
            }
        }
        // Not wrong by itself: the start was asked for, and the run ended before its answer.
        if unaccounted.count > feeder.unanswered {
            add("I1", "\(unaccounted.count) sagas were never accepted to the caller", unaccounted.sorted())
        }
        for (key, saga) in feeder.accepted.sorted(by: { $0.value < $1.value }) where byKey[key] == nil {
            add("I1", "\(key.definition) \(key.key) was accepted as saga \(saga), which does not exist", [saga])
        }
        for saga in sagas.reversed() where !saga.status.isTerminal && saga.status != .stuck {
            add("I1", "saga \(saga.id), \(saga.name) \(saga.key), has not ended: \(saga.status.rawValue)", [saga.id])
        }
        for wrong in feeder.wrong { add("I1", wrong.text, wrong.sagas) }
        if feeder.unanswered > 0 { add("I1", "\(feeder.unanswered) starts were never answered", []) }
    }

    /// I2 and I3.
    private mutating func checkMoney(_ audit: AuditReport) {
        books = audit
        for problem in audit.violations + audit.unfinished {
            let rule = problem.contains("took effect") ? "I2" : "I3"
            add(rule, problem, sagasNamed(in: problem))
        }
    }

    private func sagasNamed(in text: String) -> [SagaID] {
        let known = Set(sagas.map(\.id))
        // The services' own tables have sagas as integers.
        return text.split(whereSeparator: { !$0.isLetter && !$0.isNumber }).compactMap { word in
            let id = SagaID(String(word)) ?? Int64(word).map { SagaID(column: $0) }
            return id.flatMap { known.contains($0) ? $0 : nil }
        }
    }

    /// I6.
    private mutating func checkRest(_ queues: [String: Int]?) throws {
        let (outbox, letters) = try reader.read {
            (try $0.outboxCount(), try $0.deadLetters(includingSettled: true, limit: 100))
        }
        if outbox > 0 { add("I6", "\(outbox) messages wait in the outbox", []) }
        for letter in letters {
            add("I6", "dead letter \(letter.id): \(letter.reason), \(letter.detail)", letter.saga.map { [$0] } ?? [])
        }
        guard let queues else { return add("I6", "the broker did not say what its queues hold", []) }
        for (name, count) in queues.sorted(by: { $0.key < $1.key }) where !name.hasPrefix("skald.answers.") {
            add("I6", "queue \(name) holds \(count) messages", [])
        }
    }

    // MARK: What to show

    /// The histories of the sagas that a violation concerns, the first few of each.
    func histories(of violations: [ChaosJournal.Violation]) -> [SagaID: [String]] {
        var histories: [SagaID: [String]] = [:]
        let concerned = violations.prefix(Self.mostAlike).flatMap { $0.sagas.prefix(3) }
        for saga in concerned where histories[saga] == nil {
            let record = try? reader.read { try SagaRecord.find(saga.description, in: $0) }
            guard let record, let (definition, history) = try? record.readable() else { continue }
            histories[saga] = HistoryText(record.row, definition, history).lines { text, _ in text }
        }
        return histories
    }
}
