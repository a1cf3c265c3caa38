import Foundation
import Testing

/// The page `Semantics` shows what the machine does.
///
/// `SKALD_WRITE_PAGES=1 swift test --filter SemanticsPageTests` brings the page up to date.
@Suite struct SemanticsPageTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../Sources/SagaCore/SagaCore.docc/Semantics.md")
    private static let writes = ProcessInfo.processInfo.environment["SKALD_WRITE_PAGES"] != nil

    @Test("Diagrams and tables are those of the machine")
    func pageIsUpToDate() throws {
        var page = try String(contentsOf: Self.file, encoding: .utf8)
        for part in SemanticsPage.Part.allCases {
            let text = try SemanticsPage.text(of: part)
            let expected = try #require(
                SemanticsPage.page(page, with: text, for: part), "no place for \(part.rawValue)")
            if !Self.writes { #expect(page == expected, "\(part.rawValue) is now:\n\(text)") }
            page = expected
        }
        if Self.writes { try page.write(to: Self.file, atomically: true, encoding: .utf8) }
    }
}
