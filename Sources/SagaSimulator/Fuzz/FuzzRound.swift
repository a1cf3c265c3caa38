import OrderServices
import SagaBus
import SagaCore
import SagaStore

/// One round: a new system, victims and neighbours, a plan's messages, and a look at everything.
///
/// Blocks; runs on a thread of its own.
final class FuzzRound {
    private let plan: FuzzPlan
    private let system: FuzzSystem
    private let patience: Duration
    private(set) var findings: [FuzzFinding] = []
    private(set) var tally = FuzzTally()

    /// - Parameter patience: after this nobody waits any longer for an answer.
    init(_ plan: FuzzPlan, definitions: [SagaDefinition], patience: Duration) throws {
        self.plan = plan
        self.patience = patience
        system = try FuzzSystem(definitions: definitions, at: FuzzCast.victimTime)
    }

    /// What a round has found, and how it counts its messages. A system that hangs is left behind.
    func run() throws {
        try system.start()
        do {
            try setTheScene()
            try send()
            try settle()
            try look()
        } catch let finding as Hang {
            findings.append(finding.finding)
        }
        if !system.stop(within: patience) { findings.append(FuzzFinding(.wedged, "a part does not stop")) }
        findings += system.log.faults.map { FuzzFinding($0.contains(FuzzCast.secret) ? .echo : .fault, $0) }
    }

    /// Ends a round: nothing more will come.
    private struct Hang: Error {
        let finding: FuzzFinding
    }

    private func wait(for what: String, until isDone: () throws -> Bool) throws {
        let end = ContinuousClock.now + patience
        while try !isDone() {
            system.take()
            if let name = system.ends.first {
                throw Hang(finding: FuzzFinding(.stopped, "\(name) has stopped by itself"))
            }
            if ContinuousClock.now >= end { throw Hang(finding: FuzzFinding(.wedged, "no end of \(what)")) }
        }
    }

    // MARK: - Sending

    private func setTheScene() throws {
        try start(FuzzCast.victimStarts, named: "victims") { FuzzCast.victim($0) }
        system.now = FuzzCast.neighbourTime
        try start(FuzzPlan.bystanderStarts, named: "bystanders") { FuzzCast.bystander($0) }
    }

    private func start(_ starts: [StartRequest], named name: String, id: (Int) -> SagaID) throws {
        let before = system.answered.count
        system.send(starts.map { (FuzzDoor.starts.queue, $0.message(shard: 0)) })
        // Not at rest: a card that times out waits for its next attempt, which does not come while time stands still.
        try wait(for: name) { try system.answered.count == before + starts.count && system.isQuiet() }
        for (index, answer) in system.answered[before...].enumerated() {
            precondition(answer.body["saga"]?.string == "\(id(index))", "\(name) have the ids that were foreseen")
        }
    }

    private func send() throws {
        var rest = plan.messages[...]
        var turn = 0
        while !rest.isEmpty {
            let slice = rest.prefix(plan.slices[turn % plan.slices.count])
            rest = rest.dropFirst(slice.count)
            turn += 1
            system.send(slice.map { ($0.door.queue, $0.message) })
            system.take()
        }
    }

    /// Lets time pass until every neighbour has ended; each consumer must answer once more.
    private func settle() throws {
        var milliseconds: Int64 = 0
        for (turn, step) in ([0, 300, 700, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000] as [Int64]).enumerated() {
            milliseconds += step
            system.now = FuzzCast.neighbourTime.adding(milliseconds: milliseconds)
            try probe(turn)
            if turn > 0, try openNeighbours().isEmpty { return }
        }
    }

    private func openNeighbours() throws -> [String] {
        try system.store.read { view in
            try plan.orders.filter { order in
                guard let saga = try view.sagas(withKey: order.key).first, let row = try view.summary(of: saga) else {
                    return true
                }
                return !row.status.isTerminal
            }.map(\.key)
        }
    }

    /// Asks every consumer something, and waits for all answers.
    private func probe(_ turn: Int) throws {
        let (id, nobody) = ("probe-\(turn)", FuzzCast.nobody(1000 + turn))
        let reply = Reply(
            command: CommandID(saga: nobody, step: "a", kind: .action, round: 1), outcome: .succeeded, attempt: 1)
        let request = OperatorMessage(
            requestID: "\(id)-operator", verb: "pause", replyTo: FuzzSystem.answers,
            body: ["saga": .string("\(nobody)")])
        let start = StartRequest(
            requestID: "\(id)-starts", definition: "no-such", replyTo: FuzzSystem.answers, input: [:])
        var replyMessage = reply.message(to: SkaldNames.replyQueue(shard: 0))
        replyMessage.properties.messageID = "\(id)-replies"
        var letter = DeadLetter.message(
            for: reply.message(to: "nowhere"), reason: Refusal(code: .badCommand, message: "a probe"))
        letter.properties.messageID = "\(id)-dead-letters"
        let fences = FuzzDoor.participants.map { door in
            Command(
                id: CommandID(saga: nobody, step: door.rawValue, kind: .fence, round: 1), type: Command.fenceType,
                attempt: 1, participant: door.rawValue, replyTo: FuzzSystem.replies, body: ["close": "action"])
        }
        system.send(
            [
                (FuzzDoor.operatorRequests.queue, request.message(shard: 0, expirationMilliseconds: 10_000)),
                (FuzzDoor.starts.queue, start.message(shard: 0)), (FuzzDoor.replies.queue, replyMessage),
                (FuzzDoor.deadLetters.queue, letter),
            ] + fences.map { (SkaldNames.commandQueue(participant: $0.participant), $0.message()) })
        try wait(for: "the answer to a start") { system.hasAnswer(to: "\(id)-starts") }
        try wait(for: "the answer to an operator's request") { system.hasAnswer(to: "\(id)-operator") }
        for fence in fences {
            try wait(for: "the answer of \(fence.participant)") { system.hasReply(to: fence.id) }
        }
        try wait(for: "rest") { try system.isQuiet() }
        let letters = try system.store.read { try $0.deadLetters(includingSettled: true, limit: .max) }
        for door in [FuzzDoor.replies, .deadLetters] {
            let isThere = letters.contains { $0.properties["messageID"]?.string == "\(id)-\(door.rawValue)" }
            if !isThere { findings.append(FuzzFinding(.wedged, "\(door.rawValue) takes no message any more")) }
        }
    }

    // MARK: - Looking

    private func look() throws {
        let (found, counted) = try FuzzVerdict(plan, system).findings()
        findings += found
        tally.add(counted)
        try checkNeighbours()
        try checkBooks()
    }

    private func checkNeighbours() throws {
        try system.store.read { view in
            for order in plan.orders {
                let rows = try view.sagas(withKey: order.key).compactMap { try view.summary(of: $0) }
                let found = rows.map { "\($0.status.rawValue)\($0.isPaused ? ", paused" : "")" }
                if found != [order.end.rawValue] {
                    findings.append(
                        FuzzFinding(.neighbour, "\(order.key) should be \(order.end.rawValue), it is \(found)"))
                }
            }
            for (index, bystander) in FuzzPlan.bystanders.enumerated() {
                let row = try view.summary(of: FuzzCast.bystander(index))
                if row?.status != bystander.end || row?.isPaused == true {
                    findings.append(
                        FuzzFinding(
                            .neighbour,
                            "a saga that \(bystander) is \(row?.status.rawValue ?? "gone"), "
                                + "\(row?.steps ?? []) \(row?.errorCode ?? "")"))
                }
            }
            var stuck = SagaFilter()
            stuck.errorCode = RefusalCode.internal.rawValue
            stuck.limit = .max
            for row in try view.sagas(stuck) {
                findings.append(FuzzFinding(.fault, "\(row.name) \(row.key): \(row.errorMessage ?? "")"))
            }
        }
    }

    /// The victims' money and stock may be anywhere, since anyone may have sent commands; each book still adds up.
    private func checkBooks() throws {
        guard let audit = MoneyAndStockAudit(system.services) else { return }
        let neighbours = try system.store.read { view in
            Set(try plan.orders.flatMap { try view.sagas(withKey: $0.key) })
        }
        let strangers = try system.sagasAtServices().subtracting(neighbours)
        let report = try audit.report(atRest: true, excepting: strangers)
        // Who sends commands of two sagas may well sell, take back and sell again what one of them has reserved.
        let isOurs = { (line: String) in neighbours.contains { line.contains("\($0)") } }
        let problems = (report.violations + report.unfinished).filter {
            !$0.contains("stock is sold, shipped and returned once") || isOurs($0)
        }
        findings += problems.map { FuzzFinding(.books, $0) }
    }
}
