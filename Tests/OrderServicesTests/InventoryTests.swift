import GRDB
import SagaBus
import SagaCore
import SagaParticipant
import Testing

@testable import OrderServices

@Suite("Inventory")
struct InventoryTests {
    let shop: Shop

    init() throws {
        shop = try Shop()
        try shop.receive(#"{"sku": "11", "onHand": 10}"# + "\n" + #"{"sku": "12", "onHand": 3}"#)
    }

    private func lines(_ lines: (String, Int64)...) -> JSONValue {
        [
            "orderId": "4711",
            "lines": .array(lines.map { ["sku": .string($0.0), "quantity": .number(JSONNumber($0.1))] }),
        ]
    }

    private func reserve(_ lines: JSONValue, _ saga: SagaID) throws -> Reply {
        try shop.action("inventory.reserve", lines, saga: saga)
    }

    private func commit(_ reply: Reply, _ saga: SagaID) throws -> Reply {
        try shop.action("inventory.commit", ["reservation": reply.body["reservation"] ?? nil], saga: saga)
    }

    private func stock(_ sku: String = "11") throws -> [Int64] {
        let stock = try shop[.inventory].database.queue.read(Inventory.stock).first { $0.sku == sku }
        return stock.map { [$0.available, $0.softReserved, $0.hardReserved, $0.fulfilled] } ?? []
    }

    private func expectSound(_ comment: Comment? = nil) throws {
        let report = try shop[.inventory].database.queue.read { try Inventory.audit.report($0) }
        #expect(report.violations.isEmpty, comment)
    }

    @Test("reserve, commit, and back again")
    func roundTrip() throws {
        let saga = shop.newSaga()
        let reserved = try reserve(lines(("11", 4)), saga)
        #expect(try stock() == [6, 4, 0, 0])
        #expect(try commit(reserved, saga).outcome == .succeeded)
        #expect(try stock() == [6, 0, 4, 0])
        #expect(try shop.compensate("inventory.uncommit", of: "inventory.commit", saga: saga).outcome == .succeeded)
        #expect(try stock() == [6, 4, 0, 0])
        #expect(try shop.compensate("inventory.release", of: "inventory.reserve", saga: saga).outcome == .succeeded)
        #expect(try stock() == [10, 0, 0, 0])
        try expectSound()
    }

    @Test("all lines or none, saying what is short")
    func allOrNone() throws {
        let reply = try reserve(lines(("11", 4), ("12", 4)), shop.newSaga())
        #expect(reply.outcome == .failed)
        #expect(reply.body["code"] == "OUT_OF_STOCK")
        #expect(reply.body["message"] == "12: 4 wanted, 3 available")
        #expect(try stock() == [10, 0, 0, 0])
    }

    @Test("lines of the same SKU are added up")
    func duplicates() throws {
        #expect(try reserve(lines(("12", 2), ("12", 2)), shop.newSaga()).body["code"] == "OUT_OF_STOCK")
        #expect(try reserve(lines(("12", 1), ("12", 2)), shop.newSaga()).outcome == .succeeded)
        #expect(try stock("12") == [0, 3, 0, 0])
        try expectSound()
    }

    @Test("a SKU nobody has heard of")
    func unknown() throws {
        #expect(try reserve(lines(("11", 1), ("99", 1)), shop.newSaga()).body["code"] == "UNKNOWN_SKU")
    }

    @Test("bad input is refused with the field's path")
    func badInput() throws {
        let reply = try reserve(["orderId": "1", "lines": [["sku": "11", "quantity": 0]]], shop.newSaga())
        #expect(reply.outcome == .failed && reply.body["code"] == "FIELD_VALUE")
        #expect(reply.body["message"]?.string?.hasPrefix("lines[0].quantity: ") == true)
    }

    @Test("a soft reservation expires by itself; the expiry counts as the undo (I4)")
    func expiry() throws {
        let first = shop.newSaga()
        _ = try reserve(lines(("12", 3)), first)
        shop.now = shop.now.adding(milliseconds: Inventory.reservationMilliseconds)
        #expect(try reserve(lines(("12", 3)), shop.newSaga()).outcome == .succeeded)
        #expect(try shop.compensate("inventory.release", of: "inventory.reserve", saga: first).outcome == .succeeded)
        #expect(try stock("12") == [0, 3, 0, 0])
        try expectSound()
    }

    @Test("committing an expired reservation reserves anew, or is refused when the stock is gone")
    func commitExpired() throws {
        let (first, second) = (shop.newSaga(), shop.newSaga())
        let held = try reserve(lines(("12", 2)), first)
        let other = try reserve(lines(("12", 1)), second)
        shop.now = shop.now.adding(milliseconds: Inventory.reservationMilliseconds)
        #expect(try reserve(lines(("12", 2)), shop.newSaga()).outcome == .succeeded)
        #expect(try commit(held, first).body["code"] == "RESERVATION_EXPIRED")
        #expect(try commit(other, second).outcome == .succeeded)
        #expect(try stock("12") == [0, 2, 1, 0])
        try expectSound()
    }

    @Test("restock takes back what was sold to the order, once")
    func restock() throws {
        let saga = shop.newSaga()
        _ = try commit(reserve(lines(("11", 4)), saga), saga)
        #expect(try shop.action("inventory.restock", ["orderId": "4711"], saga: shop.newSaga()).outcome == .succeeded)
        #expect(try stock() == [10, 0, 0, 0])
        let again = try shop.action("inventory.restock", ["orderId": "4711"], saga: shop.newSaga())
        #expect(again.body["code"] == "RESERVATION_UNKNOWN")
        try expectSound()
    }

    @Test("of an order that two sagas have sold, restock takes back what the one it names has sold")
    func restockOfOne() throws {
        let (first, second) = (shop.newSaga(), shop.newSaga())
        let old = try commit(reserve(lines(("11", 4)), first), first)
        _ = try commit(reserve(lines(("11", 3)), second), second)
        func restock(_ saga: String) throws -> Reply {
            try shop.action("inventory.restock", ["orderId": "4711", "saga": .string(saga)], saga: shop.newSaga())
        }
        #expect(try restock(first.description).body["reservation"] == old.body["reservation"])
        #expect(try stock() == [7, 0, 3, 0])
        #expect(try restock(first.description).body["code"] == "RESERVATION_UNKNOWN")
        #expect(try restock("by-hand").body["code"] == "RESERVATION_UNKNOWN")
        try expectSound()
    }

    @Test("never oversells, however sagas interleave", arguments: 1...10)
    func interleaving(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var open: [(saga: SagaID, reply: Reply, isHard: Bool)] = []
        for _ in 0..<40 {
            shop.now = shop.now.adding(milliseconds: Int64.random(in: 0...7_200_000, using: &random))
            switch (Int.random(in: 0..<4, using: &random), open.indices.randomElement(using: &random)) {
            case (1, let index?) where !open[index].isHard:
                open[index].isHard = try commit(open[index].reply, open[index].saga).outcome == .succeeded
            case (2, let index?) where open[index].isHard:
                try shop.compensate("inventory.uncommit", of: "inventory.commit", saga: open[index].saga)
                try shop.compensate("inventory.release", of: "inventory.reserve", saga: open[index].saga)
                open.remove(at: index)
            case (3, let index?):
                try shop.compensate("inventory.release", of: "inventory.reserve", saga: open[index].saga)
                open.remove(at: index)
            default:
                let saga = shop.newSaga()
                let wanted = lines(
                    ("11", Int64.random(in: 1...5, using: &random)), ("12", Int64.random(in: 1...2, using: &random)))
                let reply = try reserve(wanted, saga)
                if reply.outcome == .succeeded { open.append((saga, reply, false)) }
            }
            #expect(try stock().reduce(0, +) == 10 && stock("12").reduce(0, +) == 3)
            try expectSound("seed \(seed)")
        }
    }

    @Test("the schema itself refuses to oversell and to change the log")
    func schema() throws {
        let queue = try shop[.inventory].database.queue
        #expect(throws: DatabaseError.self) {
            try queue.write { db in
                try StockChange.shrinkage.log(db, sku: "11", quantity: 11, reservation: nil, at: shop.now)
            }
        }
        for sql in ["DELETE FROM stock_change", "UPDATE stock_change SET quantity = 1"] {
            #expect(throws: DatabaseError.self) { try queue.write { try $0.execute(sql: sql) } }
        }
        #expect(try stock() == [10, 0, 0, 0])
    }
}

@Suite("Receiving stock")
struct ReceivingTests {
    let shop: Shop

    init() throws { shop = try Shop() }

    private func receive(_ text: String) throws -> Inventory.Receipt {
        try shop[.inventory].database.queue.write { try Inventory.receive(text, into: $0, now: shop.now) }
    }

    @Test("the same file a second time receives nothing")
    func idempotent() throws {
        let file = "{\"sku\":\"11\",\"onHand\":22}\n\n{\"sku\":\"12\",\"onHand\":0}\n"
        #expect(try receive(file) == Inventory.Receipt(received: 2, units: 22, known: 0))
        #expect(try receive(file) == Inventory.Receipt(received: 0, units: 0, known: 2))
        #expect(try shop[.inventory].database.queue.read(Inventory.stock).map(\.available) == [22, 0])
    }

    @Test("another delivery of the same SKU is counted in")
    func deliveries() throws {
        _ = try receive(#"{"sku":"11","onHand":22}"#)
        _ = try receive(#"{"sku":"11","onHand":5,"delivery":"2026-11-21"}"#)
        #expect(try shop[.inventory].database.queue.read(Inventory.stock).map(\.available) == [27])
    }

    @Test(
        "a bad line refuses the whole file and says where",
        arguments: [
            (#"{"sku":"11","onHand":23}"#, "IDEMPOTENCY_CONFLICT", "line 2"),
            (#"{"sku":"12","onHand":-1}"#, "FIELD_VALUE", "line 2: onHand"),
            (#"{"sku":"12","onHand":1.5}"#, "FIELD_VALUE", "line 2: onHand"),
            (#"{"sku":"12","onhand":1}"#, "FIELD_UNKNOWN", "line 2"),
            (#"{"onHand":1}"#, "FIELD_MISSING", "line 2: sku"),
            (#"{"sku":"12","onHand":1"#, "JSON_SYNTAX", "line 2:23"),
        ])
    func refused(line: String, code: String, path: String) throws {
        _ = try receive(#"{"sku":"11","onHand":22}"#)
        let refusal = #expect(throws: Refusal.self) { try receive("{\"sku\":\"10\",\"onHand\":1}\n" + line) }
        #expect(refusal?.code.rawValue == code)
        #expect(refusal?.path == path)
        #expect(try shop[.inventory].database.queue.read(Inventory.stock).map(\.sku) == ["11"])
    }

    @Test("an empty file is no stock")
    func empty() throws {
        #expect(throws: Refusal.self) { try receive("\n \n") }
    }
}
