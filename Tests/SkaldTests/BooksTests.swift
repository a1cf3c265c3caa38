import Foundation
import GRDB
import Testing

@Suite("I3: skald check --books")
struct BooksTests {
    private let tool: CommandLineTool

    init() throws { tool = try CommandLineTool() }

    @Test func aCentInTheWrongPlaceIsFound() async throws {
        #expect(try await tool.run("demo", "--orders", "30", "--data-dir", "shop").code == 0)
        let good = try await tool.run("check", "--books", "--data-dir", "shop")
        #expect(good.code == 0)
        #expect(good.lines.last == "  every check holds")

        let payment = try DatabaseQueue(path: tool.directory + "/shop/payment.sqlite")
        try await payment.write { try $0.execute(sql: "UPDATE payment SET amount = amount + 1 WHERE state = 'voided'") }
        let bad = try await tool.run("check", "--books", "--data-dir", "shop")
        #expect(bad.code == 1)
        #expect(bad.output.contains("WRONG authorization auth_"))
        let json = try await tool.run("check", "--books", "--json", "--data-dir", "shop")
        #expect(json.code == 1)
        #expect(json.output.contains(#""atRest":true"#))
    }

    @Test("I4: an action of a compensated saga that was never undone is found") func anEffectLeftIsFound() async throws
    {
        #expect(try await tool.run("demo", "--orders", "60", "--data-dir", "shop").code == 0)
        let inventory = try DatabaseQueue(path: tool.directory + "/shop/inventory.sqlite")
        try await inventory.write { db in
            try db.execute(
                sql: """
                    DROP TRIGGER barrier_final;
                    UPDATE barrier SET had_effect = 0 WHERE kind = 'compensation' AND had_effect = 1
                    """)
        }
        let bad = try await tool.run("check", "--books", "--data-dir", "shop")
        #expect(bad.code == 1)
        #expect(bad.output.contains("compensated, but inventory.reserve took effect and inventory.release did not"))
    }

    @Test func withoutTheServicesFilesItSaysSo() async throws {
        #expect(try await tool.run("demo", "--orders", "1", "--data-dir", "shop").code == 0)
        try FileManager.default.removeItem(atPath: tool.directory + "/shop/ledger.sqlite")
        let missing = try await tool.run("check", "--books", "--data-dir", "shop")
        #expect(missing.code == 66)
        #expect(
            missing.errorLines == ["error: no shop/ledger.sqlite: --books reads the files of all three order services"])
    }
}
