import Foundation
import Testing

@Suite("Rules.md defines every number that is cited")
struct RulesPageTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private let page: String
    /// The paragraphs of each entry without line breaks, by its number: `7`, `F13`, `I3`.
    private let entries: [String: [String]]

    init() throws {
        page = try Self.text("Sources/SagaCore/SagaCore.docc/Rules.md")
        let parts = page.split(separator: "\n### ").dropFirst().compactMap { part -> (String, [String])? in
            guard let number = part.prefixMatch(of: /(?:Rule )?(\d+|[FI]\d+):\s/)?.output.1 else { return nil }
            let paragraphs = part.components(separatedBy: "\n\n").map { $0.replacing("\n", with: " ") }
            return (String(number), paragraphs)
        }
        entries = try Dictionary(parts) { _, _ in throw Twice() }
    }

    private struct Twice: Error {}

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    private static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path)
    }

    /// Every Swift file and page of Sources and Tests, by its path.
    private static func files() throws -> [String: String] {
        var files = ["README.md": try text("README.md")]
        for folder in ["Sources", "Tests"] {
            for name in try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path)
            where name.hasSuffix(".swift") || name.hasSuffix(".md") {
                files["\(folder)/\(name)"] = try text("\(folder)/\(name)")
            }
        }
        return files
    }

    /// What a text cites: "rule 7", "rules 1 to 3, 8 and 24", "F13", "F1–F3", "I3".
    private static func citations(in text: String) throws -> Set<String> {
        var cited: Set<String> = []
        for list in try matches(#"\b[Rr]ules? (\d+(?:(?:, | and | or | to |–)\d+)*)"#, in: text) {
            for part in try matches(#"(\d+)(?:(?: to |–)(\d+))?"#, in: list[1]) {
                cited.formUnion(numbers(part[1], part[2]).map { "\($0)" })
            }
        }
        for part in try matches(#"(?<![%\w])([FI])(\d{1,2})\b(?:(?: to |–)[FI](\d{1,2})\b)?"#, in: text) {
            cited.formUnion(numbers(part[2], part[3]).map { "\(part[1])\($0)" })
        }
        return cited
    }

    /// The groups of each match, empty where a group is none. Foundation's, since it reads all files within a second.
    private static func matches(_ pattern: String, in text: String) throws -> [[String]] {
        let units = NSString(string: text)
        return try NSRegularExpression(pattern: pattern)
            .matches(in: text, range: NSRange(location: 0, length: units.length)).map { match in
                (0..<match.numberOfRanges).map { group in
                    let range = match.range(at: group)
                    return range.location == NSNotFound ? "" : units.substring(with: range)
                }
            }
    }

    private static func numbers(_ first: String, _ last: String) -> ClosedRange<Int> {
        let first = Int(first) ?? 0
        return first...max(first, Int(last) ?? first)
    }

    @Test("what is a citation")
    func citationsAreFound() throws {
        #expect(
            try Self.citations(in: "Rules 1 to 3, 8 and 24; F1–F3, (I4). Rule 26, F26: no F256, %F4") == [
                "1", "2", "3", "8", "24", "26", "F1", "F2", "F3", "F26", "I4",
            ])
    }

    @Test("rules, faults and invariants are numbered without a gap, and each says where it is decided and tested")
    func numbered() throws {
        for (prefix, parts) in [("", ["Where:"]), ("F", ["Where:", "Tests:"]), ("I", ["Checked by:"])] {
            let numbers = Set(
                entries.keys.compactMap { $0.wholeMatch(of: /([FI]?)(\d+)/)?.output }.filter {
                    $0.1 == prefix
                }.compactMap { Int($0.2) })
            #expect(numbers == Set(1...max(1, numbers.count)) && numbers.count > 5, "\(prefix)")
            for number in numbers {
                for part in parts {
                    let isThere = entries["\(prefix)\(number)"]?.contains { $0.hasPrefix(part) } == true
                    #expect(isThere, "\(prefix)\(number) lacks \(part)")
                }
            }
        }
    }

    @Test("whatever the code, the tests and the pages cite is on the page")
    func cited() throws {
        let files = try Self.files()
        var count = 0
        for (path, text) in files where path != Self.here {
            let cited = try Self.citations(in: text)
            let unknown = cited.subtracting(entries.keys)
            #expect(unknown.isEmpty, "\(path) cites \(unknown.sorted()), which Rules.md lacks")
            count += cited.count
            // Papers that are no part of the repository.
            let outside = try Self.matches(#"\b(SEMANTICS|DESIGN|PITFALLS|STYLE)\b"#, in: text).map { $0[0] }
            #expect(outside.isEmpty, "\(path) cites \(outside), which nobody has")
        }
        #expect(count > 200, "citations are written otherwise than this test reads them")
    }

    private static let here = "Tests/SkaldTests/RulesPageTests.swift"

    @Test("every path is there, and declares what the page names behind it")
    func paths() throws {
        let paths = page.matches(of: /`((?:Sources|Tests)\/[^`\n]+)`/).map { String($0.output.1) }
        #expect(paths.count > 100)
        for path in Set(paths) { #expect(Self.exists(path), "Rules.md names \(path)") }
        for paragraph in entries.values.joined() {
            for found in paragraph.matches(of: /`((?:Sources|Tests)\/[^`]+)`((?:,? `\w+`)+)/) {
                let path = String(found.output.1)
                guard Self.exists(path) else { continue }
                let text = try Self.text(path)
                for name in found.output.2.matches(of: /\w+/).map({ String($0.output) }) {
                    let declaration = try Regex("(func|var|let|struct|class|enum|case|init|INDEX) \(name)\\b")
                    #expect(text.contains(declaration), "\(path) has no \(name)")
                }
            }
        }
    }

    @Test("a file that is said to plant a fault says so too")
    func planted() throws {
        for (number, paragraphs) in entries where number.hasPrefix("F") {
            for paragraph in paragraphs where paragraph.hasPrefix("Tests:") {
                for found in paragraph.matches(of: /`(Tests\/[^`]+)`/) {
                    let path = String(found.output.1)
                    guard Self.exists(path) else { continue }
                    let cites = try Self.citations(in: Self.text(path)).contains(number)
                    #expect(cites, "\(path) does not mention \(number)")
                }
            }
        }
    }
}
