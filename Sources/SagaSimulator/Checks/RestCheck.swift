import DurableSQLite
import GRDB
import OrderServices
import SagaBus
import SagaCore
import SagaParticipant
import SagaStore

/// What must hold once nothing moves any more: I1 to I6, over orchestrator, services and bus.
struct RestCheck {
    private let world: World
    private let customer: Customer
    private let shop: SimulatedShop
    private let safety: SafetyCheck

    private let definitions: [SagaID: SagaDefinition]
    /// As they ended.
    private let pruned: [SagaSummary]

    init(
        _ world: World, _ customer: Customer, _ shop: SimulatedShop, _ safety: SafetyCheck
    ) throws {
        self.world = world
        self.customer = customer
        self.shop = shop
        self.safety = safety
        (definitions, pruned) = try world.store.read { store in
            var definitions: [SagaID: SagaDefinition] = [:]
            for saga in try store.sagaIDs() { definitions[saga] = try world.databases.definition(of: saga, in: store) }
            let pruned = try store.prunedSagas().compactMap { safety.states[$0.id] }
            for state in pruned { definitions[state.id] = state.definition }
            return (definitions, pruned.map { SagaSummary($0) })
        }
    }

    func violations() throws -> [String] {
        let kept = try world.store.read { transaction in
            var filter = SagaFilter()
            filter.limit = .max
            return try transaction.sagas(filter)
        }
        let sagas = pruned + kept
        return try acceptedStarts(sagas) + ends(sagas) + histories(kept) + books() + effects(sagas) + tombstones()
            + ServicesCheck(world, sagas: safety.states).violations() + leftovers()
            + announcements(sagas)
    }

    // MARK: I1

    /// Every start was answered; what was accepted exists, once.
    private func acceptedStarts(_ sagas: [SagaSummary]) throws -> [String] {
        var violations: [String] = []
        let known = Set(sagas.map(\.id))
        var owner: [String: SagaID] = [:]
        for errand in customer.errands where errand.answer?.kind == .accepted {
            owner[errand.id] = errand.answer?.body["saga"]?.string.flatMap(SagaID.init)
        }
        for errand in customer.errands {
            guard let answer = errand.answer else {
                if errand.wasSent { violations.append("I1: \(errand.id) was never answered") }
                continue
            }
            // Rules 21 and 22: whoever asks again hears the same.
            if errand.laterAnswers.contains(where: { contradicts($0, answer, to: errand) }) {
                violations.append("rule 21: \(errand.id) was answered once so and once otherwise")
            }
            guard errand.isStart else { continue }
            switch answer.kind {
            case .accepted:
                guard let id = answer.body["saga"]?.string.flatMap(SagaID.init), known.contains(id) else {
                    violations.append("I1: \(errand.id) was accepted, and there is no such saga")
                    continue
                }
                if errand.isOther, owner[errand.original] == id {
                    violations.append("I1: \(errand.id) was accepted, with other input than \(errand.original)")
                }
            case .refused:
                if !mayBeRefused(errand, answer.code) {
                    violations.append("I1: \(errand.id) was refused with \(answer.code)")
                }
            case .applied: violations.append("I1: \(errand.id) was applied")
            }
        }
        for (key, group) in Dictionary(grouping: sagas, by: { "\($0.name) \($0.key)" }).sorted(by: { $0.key < $1.key })
        where group.count > 1 {
            let successors = try world.store.read { store in
                try group.filter { try store.successor(of: $0.id, key: $0.key, name: $0.name) != nil }.count
            }
            if group.count - successors != 1 { violations.append("I1: \(group.count) sagas for \(key)") }
        }
        return violations
    }

    /// What was accepted is not refused later, unless the definition has gone; a successor's start, once there is
    /// another one.
    private func contradicts(_ later: Answer, _ first: Answer, to errand: Errand) -> Bool {
        // Its answers go with a saga that is pruned.
        if later.body["message"]?.string?.hasSuffix("has been pruned") == true { return false }
        guard errand.isStart else { return later.kind != first.kind }
        guard first.kind == .accepted, later.kind != .accepted else { return false }
        return later.code.hasSuffix("_UNKNOWN") ? later.code == "SAGA_UNKNOWN" : errand.isSuccessor
    }

    private func mayBeRefused(_ errand: Errand, _ code: String) -> Bool {
        switch code {
        case "IDEMPOTENCY_CONFLICT":
            // With another under the number of the first, whichever comes first has it. A successor may be another.
            return errand.isOther || errand.isSuccessor
                || customer.errands.contains {
                    $0.isOther && $0.original == errand.original && $0.answer?.kind == .accepted
                }
        case "NOT_ALLOWED", "SAGA_UNKNOWN": return errand.isSuccessor
        case "DEFINITION_UNKNOWN", "VERSION_UNKNOWN": return world.luck.count(of: .changeDefinition) > 0
        default: return false
        }
    }

    /// Every saga has ended or is stuck.
    private func ends(_ sagas: [SagaSummary]) -> [String] {
        var violations: [String] = []
        for saga in sagas {
            switch saga.status {
            // That it is stuck for a reason has been checked when it became so.
            case .completed, .compensated, .abandoned, .stuck: break
            case .running, .compensating:
                violations.append("I1: saga \(saga.id) is \(saga.status.rawValue) and nothing moves it")
            }
            if saga.status == .compensated, world.luck.total == 0, isPlain(saga) {
                violations.append("saga \(saga.id) was rolled back without cause: \(saga.errorCode ?? "-")")
            }
        }
        return violations
    }

    /// An order that nothing stands against.
    private func isPlain(_ saga: SagaSummary) -> Bool {
        guard saga.name == "place-order", !shop.isScarce, let number = Int(saga.key) else { return false }
        return shop.orders[number - 1]["paymentMethod"]?["token"]?.string == TestCard.visa.rawValue
    }

    // MARK: I5

    /// Each index row says what folding the history says.
    private func histories(_ sagas: [SagaSummary]) throws -> [String] {
        try world.store.read { store in
            try sagas.compactMap { saga in
                let state = try store.state(of: saga.id) { _ in definitions[saga.id] }
                guard state?.status == saga.status, state?.sequence == saga.sequence else {
                    return "I5: saga \(saga.id) is \(saga.status.rawValue), its history says otherwise"
                }
                return nil
            }
        }
    }

    // MARK: I2, I3, I4

    private func loose() throws -> Set<SagaID> {
        try world.store.read { store in
            var filter = SagaFilter()
            filter.statuses = [.stuck, .abandoned]
            filter.limit = .max
            // Rule 11: of one that took effect after all and after the end, nobody knows but the dead letter.
            let contradicted = try store.deadLetters(includingSettled: true, limit: .max).filter(Self.contradicts)
            return Set(try store.sagas(filter).map(\.id)).union(try store.sagasSettledByOperators())
                .union(contradicted.compactMap(\.saga))
                .union(try store.prunedAbandoned())
                // The worker knows of a refusal only: what was to contradict it got lost, or came when it was pruned.
                .union(
                    world.network.contradicted.filter { command in
                        !safety.hasHeardSuccess(of: command) || pruned.contains { $0.id == command.saga }
                    }.map(\.saga))
        }
    }

    private static func contradicts(_ letter: StoredDeadLetter) -> Bool {
        letter.reason == RefusalCode.replyContradicts.rawValue
    }

    private func books() throws -> [String] {
        let report = try world.databases.audit().report(atRest: true, excepting: loose())
        return (report.violations + report.unfinished).map { "I3: \($0)" }
    }

    /// `completed`: every action took effect, none was undone. `compensated`: what took effect was undone.
    private func effects(_ sagas: [SagaSummary]) throws -> [String] {
        var done: Set<String> = []
        for service in world.services.all {
            done.formUnion(
                try service.database.queue.unsafeRead {
                    try String.fetchAll(
                        $0, cachedSQL: "SELECT saga || '/' || step || '/' || kind FROM barrier WHERE had_effect = 1")
                })
        }
        var violations: [String] = []
        let loose = try loose()
        for saga in sagas where !loose.contains(saga.id) {
            guard let definition = definitions[saga.id] else { continue }
            for step in definition.steps {
                let place = "\(saga.id.column)/\(step.name)"
                let (acted, undone) = (done.contains(place + "/action"), done.contains(place + "/compensation"))
                switch saga.status {
                case .completed where !acted:
                    violations.append("I4: saga \(saga.id) is completed, \(step.name) has no effect")
                case .completed where undone:
                    violations.append("I4: saga \(saga.id) is completed, \(step.name) was undone")
                case .compensated where acted && !undone && step.compensation != .none:
                    violations.append("I4: saga \(saga.id) is compensated, \(step.name) was not undone")
                case .compensated where acted && step.kind != .compensatable:
                    violations.append("I4: saga \(saga.id) is compensated, \(step.name) stands")
                default: break
                }
            }
        }
        return violations
    }

    /// Rules 7 and 17: what was closed, or undone before it was done, has its tombstone.
    private func tombstones() throws -> [String] {
        var violations: [String] = []
        var closed: Set<String> = []
        for service in world.services.all {
            try service.database.queue.unsafeRead { db in
                closed.formUnion(
                    try String.fetchAll(
                        db, cachedSQL: "SELECT saga || '/' || step FROM barrier WHERE round = 0 AND kind = 'action'"))
                let missing = try String.fetchAll(
                    db,
                    cachedSQL: """
                        SELECT saga || '/' || step FROM barrier AS undone
                        WHERE kind = 'compensation' AND state = 'succeeded' AND had_effect = 0 AND NOT EXISTS
                            (SELECT 1 FROM barrier WHERE saga = undone.saga AND step = undone.step
                                AND kind = 'action' AND round = 0)
                        """)
                violations += missing.map { "rule 17: \($0) was undone before it was done, and nothing closes it" }
            }
        }
        for (saga, step) in safety.fenced where !closed.contains("\(saga.column)/\(step)") {
            violations.append("rule 7: saga \(saga): a fence said that \(step) is closed, and it is not")
        }
        return violations
    }

    // MARK: I6

    private func leftovers() throws -> [String] {
        let (outbox, letters) = try world.store.read {
            (try $0.outboxCount(), try $0.deadLetters(includingSettled: true, limit: 50))
        }
        // Rule 26: what a worker has died over three times is set aside; here it may be for no fault of its own.
        let aside = letters.filter { $0.detail.contains("the worker died") }
        let unexpected = letters.filter { letter in
            let isContradiction = Self.contradicts(letter) && world.luck.count(of: .contradictReply) > 0
            return !isContradiction && !aside.contains { $0.id == letter.id }
        }
        var violations = unexpected.map { "I6: dead letter \($0.reason): \($0.detail)" }
        if outbox > 0 { violations.append("I6: \(outbox) messages are left in the outbox") }
        return try violations
            + world.store.read { try safety.violationsAtRest($0, isShort: !aside.isEmpty) }
            + world.network.queues.violationsAtRest { try world.network.broker.depth(ofQueue: $0) }
    }

    /// Rule 28: who listens to the events has heard of every end.
    private func announcements(_ sagas: [SagaSummary]) -> [String] {
        sagas.compactMap { saga in
            guard saga.status.isTerminal, let definition = definitions[saga.id] else { return nil }
            let type =
                switch saga.status {
                case .completed: definition.events.completed
                case .compensated: definition.events.compensated
                default: definition.events.abandoned
                }
            guard let type, !customer.heard.contains("\(saga.id) \(type)") else { return nil }
            return "rule 28: nobody heard \(type) of saga \(saga.id)"
        }
    }
}

extension Errand {
    fileprivate var isStart: Bool { id.hasPrefix("place-") || id.hasPrefix("cancel-") }
    fileprivate var isOther: Bool { id.hasSuffix("-other") }
    /// Whose number it came under.
    fileprivate var original: String { id.split(separator: "-").prefix(2).joined(separator: "-") }
    fileprivate var isSuccessor: Bool { id.contains("-successor-") }
}
