import SagaCore

/// I3 and I4, order by order: what the services have in their books is what the order says and what its commands did.
///
/// The services' own audits add up; this compares with what was ordered. It takes what has been done from the barriers,
/// so that it holds for every saga, also one that an operator has closed.
struct BooksCheck {
    let books: Books
    let sagas: [SagaID: SagaState]
    let inventory: BarrierRows
    let payment: BarrierRows
    let ledger: BarrierRows
    /// Operators decided about it: a step may have been handed something invented.
    let isTouched: (_ order: String) -> Bool
    let reservationMilliseconds: Int64
    private typealias Place = BarrierRows.Place

    func violations() -> [String] {
        var violations = reservations() + payments() + refunds() + sales() + entries() + returns()
        violations += doubleReturns()
        return violations.map { "I3: \($0)" }
    }

    /// What a saga's step of this type did and did not undo.
    private func stands(_ type: String, _ saga: SagaState, _ barrier: BarrierRows) -> Bool {
        guard let place = place(type, saga) else { return false }
        return barrier.tookEffect(place, .action) && !barrier.tookEffect(place, .compensation)
    }

    private func isUndone(_ type: String, _ saga: SagaState, _ barrier: BarrierRows) -> Bool {
        place(type, saga).map { barrier.tookEffect($0, .compensation) } ?? false
    }

    private func place(_ type: String, _ saga: SagaState) -> Place? {
        saga.definition.steps.first { $0.action == type }.map { Place(saga: saga.id, step: $0.name) }
    }

    private func output(_ place: Place, _ barrier: BarrierRows) -> JSONValue? {
        barrier.success(place, .action)?.result.flatMap { try? JSONValue.parse($0) }
    }

    /// Sagas that return an order and have done this.
    private func returners(of order: String, having type: String, _ barrier: BarrierRows) -> [SagaState] {
        sagas.values.filter { saga in saga.key == order && stands(type, saga, barrier) }
    }

    // MARK: Stock

    private func reservations() -> [String] {
        books.reservations.compactMap { reservation in
            guard let saga = sagas[reservation.place.saga] else {
                return "reservation \(reservation.id) belongs to no saga"
            }
            if let problem = reservationProblem(reservation, saga) { return "reservation \(reservation.id) \(problem)" }
            return nil
        }
    }

    private func reservationProblem(_ reservation: Books.Reservation, _ saga: SagaState) -> String? {
        guard reservation.orderID == saga.key else { return "is for order \(reservation.orderID), not \(saga.key)" }
        guard reservation.lines == Self.lines(saga.input) else { return "does not hold what was ordered" }
        guard reservation.expiresAt - reservation.createdAt == reservationMilliseconds else {
            return "lasts \(reservation.expiresAt - reservation.createdAt) ms"
        }
        let isReturned = returners(of: saga.key, having: "inventory.restock", inventory).contains { returner in
            place("inventory.restock", returner).flatMap { output($0, inventory) }?["reservation"]?.string
                == reservation.id
        }
        let expected: [String] =
            if isUndone("inventory.reserve", saga, inventory) {
                ["released", "expired"]
            } else if stands("inventory.commit", saga, inventory) {
                [isReturned ? "returned" : "hard"]
            } else {
                ["soft", "expired"]
            }
        guard expected.contains(reservation.state) else {
            return "is \(reservation.state), its commands leave it \(expected.joined(separator: " or "))"
        }
        return stockProblem(reservation)
    }

    /// The log of a reservation leads to its state, by the whole quantity each time, and to an expiry only in time.
    private func stockProblem(_ reservation: Books.Reservation) -> String? {
        for (sku, quantity) in reservation.lines.sorted(by: { $0.key < $1.key }) {
            var holding = ""
            var last: Books.StockChange?
            for change in reservation.changes where change.sku == sku {
                guard change.quantity == quantity else { return "moves \(change.quantity) of \(quantity) \(sku)" }
                switch (holding, change.kind) {
                case ("", "SOFT_RESERVED"): holding = "soft"
                case ("soft", "HARD_RESERVED"): holding = "hard"
                case ("soft", "CANCELLED"), ("hard", "CANCELLED"): holding = ""
                case ("hard", "RETURNED"): holding = ""
                default: return "has \(change.kind) of \(sku) while it holds \(holding.isEmpty ? "nothing" : holding)"
                }
                last = change
            }
            let expected = ["soft", "hard"].contains(reservation.state) ? reservation.state : ""
            guard holding == expected else { return "is \(reservation.state) and holds \(sku) \(holding)" }
            if reservation.state == "expired", let last, last.at < reservation.expiresAt {
                return "has expired \(reservation.expiresAt - last.at) ms early"
            }
            if (reservation.state == "returned") != (last?.kind == "RETURNED") {
                return "is \(reservation.state) after \(last?.kind ?? "nothing")"
            }
        }
        return nil
    }

    static func lines(_ order: JSONValue) -> [String: Int64] {
        var lines: [String: Int64] = [:]
        for line in order["lines"]?.array ?? [] {
            lines[line["sku"]?.string ?? "", default: 0] += line["quantity"]?.int64 ?? 0
        }
        return lines
    }

    // MARK: Money

    private func payments() -> [String] {
        books.payments.compactMap { known in
            let what = "authorization \(known.authorization)"
            guard let saga = sagas[known.place.saga] else { return "\(what) belongs to no saga" }
            if let problem = orderProblem(known.orderID, known.amount, known.currency, saga) {
                return "\(what) \(problem)"
            }
            if let capturer = known.capturedBy, capturer.saga != saga.id {
                return "\(what) of saga \(saga.id) is captured by saga \(capturer.saga)"
            }
            let expected: [String] =
                if isUndone("payment.authorize", saga, payment) {
                    ["voided", "expired"]
                } else if stands("payment.capture", saga, payment) {
                    ["captured"]
                } else {
                    ["authorized"]
                }
            guard !expected.contains(known.state) else { return nil }
            return "\(what) is \(known.state), its commands leave it \(expected.joined(separator: " or "))"
        }
    }

    /// What is wrong with the money booked for an order.
    private func orderProblem(_ order: String, _ amount: Int64, _ currency: String, _ saga: SagaState) -> String? {
        guard order == saga.key else { return "is for order \(order), not \(saga.key)" }
        let (total, wanted) = (saga.input["total"]?.int64 ?? 0, saga.input["currency"]?.string ?? "")
        guard amount == total, currency == wanted else {
            return "is of \(amount) \(currency), the order of \(total) \(wanted)"
        }
        return nil
    }

    /// All of the order's money goes back, and to nobody else.
    private func refunds() -> [String] {
        books.refunds.compactMap { refund in
            guard let saga = sagas[refund.place.saga] else { return "refund of \(refund.capture) belongs to no saga" }
            guard let known = books.payments.first(where: { $0.capture == refund.capture }), known.orderID == saga.key
            else { return "saga \(saga.id) refunds \(refund.capture), which is not of order \(saga.key)" }
            guard refund.amount != known.amount, !isTouched(saga.key) else { return nil }
            return "saga \(saga.id) refunds \(refund.amount) of \(known.amount)"
        }
    }

    // MARK: Books

    private func sales() -> [String] {
        books.sales.compactMap { sale in
            guard let saga = sagas[sale.place.saga] else { return "a sale of order \(sale.orderID) belongs to no saga" }
            if let problem = orderProblem(sale.orderID, sale.amount, sale.currency, saga) {
                return "the sale of saga \(saga.id) \(problem)"
            }
            let expected: [String] =
                if isUndone("ledger.record", saga, ledger) {
                    ["reversed"]
                } else if stands("ledger.settle", saga, ledger) {
                    ["settled", "returning", "returned"]
                } else {
                    ["recorded"]
                }
            guard expected.contains(sale.state) else {
                return "the sale of saga \(saga.id) is \(sale.state), its commands leave it \(expected[0])"
            }
            if let capture = sale.capture, !isTouched(saga.key),
                books.payments.first(where: { $0.place.saga == saga.id })?.capture != capture
            {
                return "the sale of saga \(saga.id) is settled by \(capture), which is not its own"
            }
            return nil
        }
    }

    /// Every entry is exactly what its kind says, of the order's amount.
    private func entries() -> [String] {
        books.entries.compactMap { entry in
            let what = "the \(entry.kind) entry of saga \(entry.place.saga)"
            guard let saga = sagas[entry.place.saga] else { return "\(what) belongs to no saga" }
            guard entry.orderID == saga.key else { return "\(what) is for order \(entry.orderID), not \(saga.key)" }
            let owner = entry.kind == "reverse-sale" ? \Books.Sale.returnedBy : \.place.saga.optional
            guard let sale = books.sales.first(where: { $0[keyPath: owner] == saga.id }) else {
                return isTouched(saga.key) ? nil : "\(what) belongs to no sale"
            }
            let (amount, currency) = ("\(sale.amount)", sale.currency)
            let moves: [(debit: String, credit: String)] =
                switch entry.kind {
                case "record": [("receivable", "deferred-revenue")]
                case "reverse": [("deferred-revenue", "receivable")]
                case "settle": [("card-clearing", "receivable"), ("deferred-revenue", "revenue")]
                default: [("revenue", "card-clearing")]
                }
            let lines = moves.flatMap {
                ["\($0.debit) \(amount) 0 \(currency)", "\($0.credit) 0 \(amount) \(currency)"]
            }
            return lines.sorted() == entry.lines ? nil : "\(what) says \(entry.lines)"
        }
    }

    /// A return that was begun and not cancelled has its sale, in the state its commands lead to.
    private func returns() -> [String] {
        sagas.values.sorted { $0.id < $1.id }.compactMap { saga in
            guard let place = place("ledger.begin-return", saga), ledger.tookEffect(place, .action) else { return nil }
            let mine = books.sales.filter { $0.returnedBy == saga.id }
            if isUndone("ledger.begin-return", saga, ledger) {
                return mine.isEmpty ? nil : "the return of saga \(saga.id) was cancelled, and is under way"
            }
            guard mine.count == 1, mine[0].orderID == saga.key else {
                return "the return of saga \(saga.id) is of \(mine.count) sales"
            }
            let expected = stands("ledger.reverse-sale", saga, ledger) ? "returned" : "returning"
            guard mine[0].state == expected else { return "the sale that saga \(saga.id) returns is \(mine[0].state)" }
            return nil
        }
    }

    /// Stock that came back is of the order it came back for.
    private func doubleReturns() -> [String] {
        var seen: Set<String> = []
        return sagas.values.sorted { $0.id < $1.id }.compactMap { saga in
            guard let place = place("inventory.restock", saga), inventory.tookEffect(place, .action) else { return nil }
            let id = output(place, inventory)?["reservation"]?.string ?? ""
            let reservation = books.reservations.first { $0.id == id }
            guard reservation?.orderID == saga.key, reservation?.state == "returned", seen.insert(id).inserted else {
                return "saga \(saga.id) brought back reservation \(id), which is \(reservation?.state ?? "unknown")"
            }
            return nil
        }
    }
}

extension SagaID {
    fileprivate var optional: SagaID? { self }
}
