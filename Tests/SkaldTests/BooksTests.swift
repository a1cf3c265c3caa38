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

    @Test func withoutTheServicesFilesItSaysSo() async throws {
        #expect(try await tool.run("demo", "--orders", "1", "--data-dir", "shop").code == 0)
        try FileManager.default.removeItem(atPath: tool.directory + "/shop/ledger.sqlite")
        let missing = try await tool.run("check", "--books", "--data-dir", "shop")
        #expect(missing.code == 66)
        #expect(
            missing.errorLines == ["error: no shop/ledger.sqlite: --books reads the files of all three order services"])
    }
}
