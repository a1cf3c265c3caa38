import ArgumentParser
import SagaCore
import SagaStore
import Testing

@testable import skald

/// A store in memory whose sagas are driven through the machine, as the worker would.
final class SeededStore {
    let store: SagaStore
    let definition: SagaDefinition
    var now = Timestamp(milliseconds: 1_795_227_247_000)
    private var random = SplitMix64(seed: 1)
    private var nextSequence = 0

    init(_ definition: SagaDefinition = SeededStore.order, in store: SagaStore? = nil) throws {
        self.definition = definition
        self.store = try store ?? SagaStore()
        let store = self.store
        try store.write { try $0.save(definition, at: now) }
    }

    /// Where a test looks from, unless it says otherwise: a second after the last thing that happened.
    var later: Timestamp { now.adding(milliseconds: 1000) }

    func passes(_ milliseconds: Int64) { now = now.adding(milliseconds: milliseconds) }

    func start(_ key: String = "10248", again: SagaID? = nil) throws -> SagaID {
        let id = SagaID(milliseconds: now - SagaID.epoch, shard: 0, sequence: nextSequence)
        nextSequence += 1
        let decision = try SagaMachine.start(
            id, definition: definition, requestID: "request-\(key)", input: ["orderId": .string(key)], again: again,
            at: now, using: &random)
        try store.write { transaction in
            try transaction.insert(decision.state)
            let owner = KeyOwner(saga: id, inputHash: String(repeating: "0", count: 64), again: again)
            try transaction.claimKey(key, name: definition.name, for: owner)
            try transaction.append(decision.events, of: decision.state, at: now)
        }
        return id
    }

    func state(_ id: SagaID) throws -> SagaState { try #require(try store.read { try $0.state(of: id) }) }

    @discardableResult
    func apply(_ input: SagaInput, to id: SagaID) throws -> Decision {
        let decision = try SagaMachine.decide(state(id), input, at: now, using: &random)
        guard !decision.events.isEmpty else { return decision }
        try store.write { transaction in
            try transaction.append(decision.events, of: decision.state, at: now)
            try transaction.update(decision.state)
        }
        return decision
    }

    func reply(
        _ id: SagaID, _ step: String, _ outcome: Outcome, _ body: JSONValue = SeededStore.output,
        to kind: CommandID.Kind = .action
    ) throws {
        let state = try state(id)
        let progress = state.steps[try #require(state.definition.index(ofStep: step))][kind]
        let command = CommandID(saga: id, step: step, kind: kind, round: progress.round)
        try apply(.reply(ReplyInput(command: command, attempt: progress.attempt, outcome: outcome, body: body)), to: id)
    }

    func succeed(_ id: SagaID, _ steps: String...) throws {
        for step in steps { try reply(id, step, .succeeded) }
    }

    func refuse(
        _ id: SagaID, _ step: String, _ code: String, _ message: String = "no", to kind: CommandID.Kind = .action
    ) throws {
        try reply(id, step, .failed, ["code": .string(code), "message": .string(message)], to: kind)
    }

    func ask(
        _ id: SagaID, _ verb: OperatorVerb, reason: String? = nil, step: String? = nil, author: String = "ann"
    ) throws {
        let request = OperatorRequest(
            id: "ask-\(verb)-\(try state(id).sequence)", verb: verb, step: step, reason: reason, author: author)
        try apply(.request(request), to: id)
    }

    /// Nobody replies until the saga has this status.
    func nobodyReplies(_ id: SagaID, until status: SagaStatus) throws {
        var naps = 0
        while try state(id).status != status {
            naps += 1
            try #require(naps < 10_000, "it never comes to that")
            now = max(now, try #require(try state(id).wakeAt))
            try apply(.wake(WakeInput()), to: id)
        }
    }

    // MARK: What is shown

    func record(_ text: String) throws -> SagaRecord {
        try store.read { try SagaRecord.find(text, in: $0) }
    }

    func report(_ id: SagaID, surroundings: Surroundings? = nil, at moment: Timestamp? = nil) throws -> SagaReport {
        let record = try record(id.description)
        let (definition, history) = try record.readable()
        return SagaReport(
            history.state(of: id, definition), history: history, now: moment ?? later,
            surroundings: surroundings ?? Surroundings(others: record.others))
    }

    func show(_ id: SagaID, surroundings: Surroundings? = nil) throws -> ShownText {
        ShownText(try report(id, surroundings: surroundings).lines(paint: plain))
    }

    func list(_ arguments: String...) throws -> ShownText {
        let command = try List.parse(arguments)
        let listing = try store.read { try SagaListing(command.filter(now: later), in: $0) }
        return ShownText(listing.lines(now: later, paint: plain, nextPage: command.nextPage))
    }

    func history(_ id: SagaID) throws -> ShownText {
        let record = try record(id.description)
        let (definition, history) = try record.readable()
        return ShownText(HistoryText(record.row, definition, history).lines(paint: plain))
    }
}

extension SeededStore {
    static let output: JSONValue = ["reservation": "r1", "authorization": "a1", "capture": "c1"]

    static let order = definition(
        """
        {"saga": "place-order", "version": 1, "key": "${input.orderId}", "deadline": "15m",
         "steps": [
          {"name": "reserve-stock", "participant": "inventory", "action": "inventory.reserve",
           "compensation": "inventory.release", "with": {"orderId": "${input.orderId}"},
           "timeout": "5s", "retry": {"attempts": 2, "jitter": "none"}},
          {"name": "authorize", "participant": "payment", "action": "payment.authorize",
           "compensation": "payment.void", "with": {"reservation": "${steps.reserve-stock.reservation}"},
           "retry": {"attempts": 2, "jitter": "none"}},
          {"name": "capture", "kind": "pivot", "participant": "payment", "action": "payment.capture",
           "with": {"authorization": "${steps.authorize.authorization}"}, "retry": {"for": "1h", "jitter": "none"}},
          {"name": "settle", "kind": "retriable", "participant": "ledger", "action": "ledger.settle",
           "with": {"capture": "${steps.capture.capture}"}, "retry": {"for": "1h", "jitter": "none"}}
         ]}
        """)

    static func definition(_ text: String) -> SagaDefinition {
        let read = (try? JSONValue.parse(text)).map { DefinitionReader.read($0) }
        guard let definition = read?.definition else { preconditionFailure("\(read?.problems ?? [])") }
        return definition
    }
}

let plain: Paint = { text, _ in text }

/// Lines as a person sees them.
struct ShownText: CustomStringConvertible {
    let lines: [String]

    init(_ lines: [String]) { self.lines = lines }

    var description: String { lines.joined(separator: "\n") }

    func has(_ part: String) -> Bool { lines.contains { $0.contains(part) } }

    /// The lines under a heading, without their indent.
    func section(_ title: String) -> [String] {
        guard let start = lines.firstIndex(of: title) else { return [] }
        return lines[(start + 1)...].prefix { !$0.isEmpty }.map { String($0.drop { $0 == " " }) }
    }

    /// No scalar that could steer a terminal.
    var isSafe: Bool { lines.allSatisfy { $0.escapedForTerminal == $0 } }
}
