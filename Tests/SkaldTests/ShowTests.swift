import ArgumentParser
import SagaCore
import SagaStore
import Testing

@testable import skald

/// What `skald show` says at three in the morning, saga by saga.
@Suite struct ShowTests {
    @Test func running() throws {
        let seeded = try SeededStore()
        let id = try seeded.start()
        try seeded.succeed(id, "reserve-stock")
        let text = try seeded.show(id)
        #expect(text.lines[0] == "Saga \(id), place-order 1, key 10248")
        #expect(text.lines[1] == "Running: waits for payment to answer payment.authorize (authorize).")
        #expect(text.section("Took effect and not undone").first?.contains("undone by inventory.release") == true)
        #expect(text.section("May have taken effect").first?.hasPrefix("authorize: payment.authorize") == true)
        let next = text.section("What happens next by itself")
        #expect(next.contains { $0.contains("payment is to answer payment.authorize by") && $0.contains("(in 29s)") })
        #expect(next.contains { $0.contains("not past the point of no return by") })
        #expect(next.contains { $0.hasPrefix("If nothing is heard until") && $0.contains("sent again after a pause") })
        let moves = text.section("What you can do now")
        #expect(moves.contains("skald cancel \(id) --reason \"…\""))
        #expect(moves.contains("skald pause \(id) --reason \"…\""))
        #expect(!moves.contains { $0.hasPrefix("skald retry") || $0.hasPrefix("skald skip") })
        #expect(text.section("Not possible now").contains("resume: it is not paused"))
    }

    @Test func backingOff() throws {
        let seeded = try SeededStore()
        let id = try seeded.start()
        seeded.passes(5000)
        try seeded.apply(.wake(WakeInput()), to: id)
        let report = try seeded.report(id, at: seeded.now)
        let text = ShownText(report.lines(paint: plain))
        #expect(text.lines[1].hasPrefix("Running: asks inventory again at"))
        #expect(text.has("inventory has not settled inventory.reserve yet, TIMEOUT (no reply in time)."))
        #expect(text.section("Steps")[1].contains("backing_off"))
        #expect(text.section("Steps")[1].hasSuffix("TIMEOUT"))
        #expect(text.section("What happens next by itself").contains { $0.contains("after attempt 1 of 2") })
        #expect(text.section("What you can do now").contains("skald retry \(id) --reason \"…\""))
    }

    @Test("F8, rule 7: nobody knows what became of the pivot")
    func stuckPivot() throws {
        let seeded = try SeededStore()
        let id = try seeded.stuckPivot()
        let text = try seeded.show(id)
        #expect(text.lines[1].hasPrefix("Stuck since"))
        #expect(text.lines[1].hasSuffix("needs an operator: capture."))
        #expect(text.has("Nobody knows whether capture took effect"))
        #expect(text.section("May have taken effect") == ["capture: payment.capture"])
        let sequence = try seeded.state(id).sequence
        let moves = text.section("What you can do now")
        #expect(moves.contains("skald retry \(id) --reason \"…\""))
        #expect(
            moves.contains(
                "skald resolve \(id) --step capture --as succeeded --output '{\"capture\":\"…\"}' "
                    + "--expect \(sequence) --reason \"…\""))
        #expect(
            moves.contains("skald resolve \(id) --step capture --as failed --expect \(sequence) --reason \"…\""))
        #expect(
            moves.contains {
                $0.hasPrefix("If you know it had no effect → ")
                    && $0.hasSuffix("once that is answered: sends payment.void to payment; then compensating")
            })
        #expect(!moves.contains { $0.hasPrefix("skald skip") || $0.hasPrefix("skald cancel") })
        #expect(
            text.section("Not possible now").contains(
                "skip: the pivot cannot be skipped: resolve it as succeeded or failed"))
    }

    @Test("Rule 8: a retriable step that is refused")
    func stuckRetriable() throws {
        let seeded = try SeededStore()
        let id = try seeded.start()
        try seeded.succeed(id, "reserve-stock", "authorize", "capture")
        try seeded.refuse(id, "settle", "PERIOD_CLOSED", "the period is closed")
        let text = try seeded.show(id)
        #expect(
            text.has("ledger refused settle, PERIOD_CLOSED (the period is closed). It is past the point of no return"))
        #expect(text.section("Steps").last?.contains("failed (stuck)") == true)
        let moves = text.section("What you can do now")
        let retry = try #require(moves.firstIndex(of: "skald retry \(id) --reason \"…\""))
        #expect(moves[retry + 1].contains("→ retried: settle; sends ledger.settle to ledger, round 2; then running"))
        #expect(moves.contains { $0.hasPrefix("skald skip \(id) --step settle --expect") })
        #expect(!moves.contains { $0.contains("--as failed") })
        #expect(text.section("What happens next by itself")[0].hasPrefix("It waits for an operator"))
    }

    @Test("Rule 9, F12: a compensation that is refused")
    func compensationFailed() throws {
        let seeded = try SeededStore()
        let id = try seeded.compensationFailed()
        let text = try seeded.show(id)
        #expect(
            text.has(
                "reserve-stock could not be undone: inventory refused inventory.release, NO_SUCH_RESERVATION (gone)."))
        #expect(text.has("It went back: payment refused authorize, CARD_DECLINED (no)."))
        #expect(text.section("Steps")[0].contains("UNDO SENT"))
        let moves = text.section("What you can do now")
        #expect(
            moves.contains(
                "If you have undone it by hand → takes effect when inventory has answered the fence; "
                    + "sends skald.fence to inventory; once that is answered: compensated"))
        #expect(moves.contains { $0.hasPrefix("To leave its effect as it is → ") })
        #expect(
            moves.contains {
                $0.hasPrefix("To send its compensation again → ")
                    && $0.hasSuffix(
                        "once that is answered: sends inventory.release to inventory, round 2; then compensating")
            })
    }

    @Test("what took effect, what would undo it, and what is undone already")
    func effects() throws {
        let seeded = try SeededStore()
        let pivot = try seeded.show(try seeded.stuckPivot("1"))
        let standing = pivot.section("Took effect and not undone")
        #expect(
            standing[0].hasPrefix("reserve-stock: inventory.reserve, undone by inventory.release if it goes back →"))
        #expect(pivot.section("May have taken effect") == ["capture: payment.capture"])

        let closed = try seeded.start("2")
        try seeded.succeed(closed, "reserve-stock", "authorize", "capture")
        try seeded.refuse(closed, "settle", "PERIOD_CLOSED")
        let past = try seeded.show(closed).section("Took effect and not undone")
        #expect(
            past.map { String($0.prefix { $0 != "→" }) } == [
                "reserve-stock: inventory.reserve ", "authorize: payment.authorize ", "capture: payment.capture ",
            ])

        let half = try seeded.start("3")
        try seeded.succeed(half, "reserve-stock", "authorize")
        try seeded.refuse(half, "capture", "NO")
        try seeded.reply(half, "authorize", .succeeded, [:], to: .compensation)
        #expect(
            try seeded.show(half).section("May have taken effect").first?
                .hasPrefix("reserve-stock: inventory.reserve, being undone by inventory.release") == true)
        try seeded.refuse(half, "reserve-stock", "GONE", to: .compensation)
        let text = try seeded.show(half)
        #expect(
            text.section("Took effect and not undone").first?
                .hasPrefix("reserve-stock: inventory.reserve, inventory.release has failed") == true)
        #expect(text.section("Undone") == ["authorize: payment.authorize, undone by payment.void"])
        #expect(try seeded.report(half).json["effects"]?["undone"] == ["authorize"])
    }

    @Test func compensated() throws {
        let seeded = try SeededStore()
        let id = try seeded.start()
        try seeded.succeed(id, "reserve-stock")
        try seeded.refuse(id, "authorize", "CARD_DECLINED", "the bank says no")
        seeded.passes(1500)
        try seeded.reply(id, "reserve-stock", .succeeded, [:], to: .compensation)
        let text = try seeded.show(id)
        #expect(text.lines[1] == "Compensated in 1s: what had taken effect is undone.")
        #expect(text.lines[2] == "  It went back: payment refused authorize, CARD_DECLINED (the bank says no).")
        #expect(text.section("What happens next by itself") == ["Nothing: it has ended."])
        #expect(
            text.section("What you can do now").first == "skald start place-order --input FILE --again \(id)")
        #expect(text.section("Took effect and not undone") == [])
    }

    @Test func pausedAndCancelled() throws {
        let seeded = try SeededStore()
        let id = try seeded.start()
        try seeded.ask(id, .pause, reason: "checking the address")
        try seeded.ask(id, .cancel, reason: "customer rang")
        let text = try seeded.show(id)
        #expect(text.lines[1].hasPrefix("Paused since"))
        #expect(text.lines[1].contains("it will be cancelled on resume"))
        #expect(text.has("ann paused it: checking the address."))
        let moves = text.section("What you can do now")
        #expect(moves.contains { $0.hasPrefix("skald resume") })
        #expect(!moves.contains { $0.hasPrefix("skald pause") })
    }

    @Test func abandoned() throws {
        let seeded = try SeededStore()
        let id = try seeded.start()
        try seeded.succeed(id, "reserve-stock", "authorize")
        try seeded.ask(id, .abandon, reason: "refunded by hand")
        let text = try seeded.show(id)
        #expect(text.lines[1].hasPrefix("Abandoned after"))
        #expect(text.has("ann abandoned it: refunded by hand."))
        #expect(text.section("Took effect and not undone").count == 2)
        #expect(text.section("May have taken effect") == ["capture: payment.capture"])
    }

    @Test("every command that is offered is one that skald understands, and the machine applies it")
    func offersAreRealCommands() throws {
        let seeded = try SeededStore()
        let paused = try seeded.start("paused")
        try seeded.ask(paused, .pause)
        let sagas = [
            try seeded.start("running"), paused, try seeded.stuckPivot("pivot"),
            try seeded.compensationFailed("undo"),
        ]
        var verbs: Set<String> = []
        for id in sagas {
            let report = try seeded.report(id, surroundings: Surroundings(flags: " --data-dir 'my data'"))
            let present = try #require(report.present)
            #expect(!present.moves.safe.isEmpty)
            for move in present.moves.safe {
                let line = move.command(for: id, flags: present.surroundings.flags)
                let words = shellWords(line)
                #expect(words.first == "skald")
                #expect(throws: Never.self, "\(line)") { try Skald.parseAsRoot(Array(words.dropFirst())) }
                verbs.insert(move.request.verb.rawValue)
            }
        }
        #expect(verbs == Set(OperatorVerb.allCases.map(\.rawValue)))
    }

    @Test func surroundings() throws {
        let seeded = try SeededStore()
        let id = try seeded.start()
        var around = Surroundings(
            unpublished: UnpublishedMessages(count: 2, since: seeded.now), isWorkerThere: false)
        let text = try seeded.show(id, surroundings: around)
        let next = text.section("What happens next by itself")
        #expect(next.contains { $0.hasPrefix("2 messages of it have not been confirmed by the broker") })
        #expect(next.last?.contains("nothing happens until skald worker runs") == true)
        around.isWorkerThere = true
        #expect(try !seeded.show(id, surroundings: around).has("skald worker"))
    }

    @Test func newestOfAKey() throws {
        let seeded = try SeededStore()
        let old = try seeded.start()
        try seeded.refuse(old, "reserve-stock", "OUT_OF_STOCK")
        seeded.passes(1000)
        let new = try seeded.start("10248", again: old)
        #expect(try seeded.record("10248").row.id == new)
        #expect(try seeded.record(old.description.lowercased()).row.id == old)
        #expect(try seeded.show(new).section("Other sagas with this key").first?.hasPrefix("\(old)") == true)
        // Its successor is there already.
        #expect(try seeded.show(old).section("What you can do now") == [])
        #expect(throws: CommandFailure.self) { try seeded.record("nobody") }
    }

    @Test("an operator's command with a key takes the one saga that has not ended, and never guesses")
    func keyOfAnOperatorsCommand() throws {
        let seeded = try SeededStore()
        func find() throws -> SagaID { try seeded.store.read { try SagaLookup.find("10248", in: $0) } }
        let old = try seeded.start()
        try seeded.refuse(old, "reserve-stock", "OUT_OF_STOCK")
        seeded.passes(1000)
        #expect(try find() == old)
        let stuck = try seeded.start("10248", again: old)
        #expect(try find() == stuck)
        try seeded.succeed(stuck, "reserve-stock", "authorize")
        try seeded.nobodyReplies(stuck, until: .stuck)
        seeded.passes(1000)
        let newest = try seeded.start("10248", again: stuck)
        let error = #expect(throws: CommandFailure.self) { try find() }
        #expect(error?.kind == .usage)
        #expect(error?.message.contains("\(newest) (place-order, running), \(stuck) (place-order, stuck)") == true)
        try seeded.refuse(newest, "reserve-stock", "OUT_OF_STOCK")
        #expect(try find() == stuck)
    }

    @Test func json() throws {
        let seeded = try SeededStore()
        let id = try seeded.stuckPivot()
        let json = try seeded.report(id).json
        #expect(json["status"] == "stuck")
        #expect(json["effects"]?["possible"] == ["capture"])
        #expect(json["steps"]?.array?[2]["commands"]?["fence"]?["sent"]?.int64 ?? 0 > 1)
        #expect(json["moves"]?.array?.contains { $0["verb"] == "resolve" && $0["as"] == "failed" } == true)
        #expect(try JSONValue.parse(json.prettyText) == json)
    }

    @Test("F25: what cannot be read is still shown by its index row")
    func unreadable() throws {
        let seeded = try SeededStore()
        let good = SeededStore.order
        let unreadable = SagaDefinition(
            name: good.name, version: 7, key: good.key, steps: good.steps, source: ["of": "the future"])
        let odd = try SeededStore(unreadable)
        let id = try odd.start()
        let record = try odd.record(id.description)
        guard case .unreadable(let why) = record.content else {
            Issue.record("it could be read")
            return
        }
        let text = ShownText(UnreadableReport(row: record.row, why: why).lines(paint: plain))
        #expect(text.has("cannot read it: INTERNAL: definition: the stored definition is unreadable."))
        #expect(text.has("Its index row says: running"))
        #expect(throws: CommandFailure.self) { try record.readable() }
        _ = seeded
    }
}

extension SeededStore {
    func stuckPivot(_ key: String = "10248") throws -> SagaID {
        let id = try start(key)
        try succeed(id, "reserve-stock", "authorize")
        try nobodyReplies(id, until: .stuck)
        return id
    }

    func compensationFailed(_ key: String = "10248") throws -> SagaID {
        let id = try start(key)
        try succeed(id, "reserve-stock")
        try refuse(id, "authorize", "CARD_DECLINED")
        try refuse(id, "reserve-stock", "NO_SUCH_RESERVATION", "gone", to: .compensation)
        return id
    }
}

/// The words of a command line that quotes as `shellWord` does.
private func shellWords(_ line: String) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in line {
        if let open = quote {
            if character == open { quote = nil } else { word?.append(character) }
        } else if character == "'" || character == "\"" {
            quote = character
            word = word ?? ""
        } else if character == " " {
            if let done = word { words.append(done) }
            word = nil
        } else {
            word = (word ?? "") + String(character)
        }
    }
    return words + (word.map { [$0] } ?? [])
}
